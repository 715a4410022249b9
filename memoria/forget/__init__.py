"""Exact erasure, and the scan that shows it."""
