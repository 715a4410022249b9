"""Memories made from others: gists, the deletion graph, and their records."""
