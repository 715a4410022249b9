"""What a reader sees of a store, and nothing else: docs/access.md."""
