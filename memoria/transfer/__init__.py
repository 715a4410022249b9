"""Memories in and out of a store: JSON lines, and copies between stores."""
