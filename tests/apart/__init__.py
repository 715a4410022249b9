"""Tests that run in environments of their own, for what needs other versions than we do: tests/test_apart.py."""
