"""Backups that forget what their store forgets, restores, and the log of what was forgotten."""
