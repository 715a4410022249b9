"""Extraction: facts that a language model finds in messages, each held against what was said before it is stored."""
