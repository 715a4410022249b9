"""Proof: lines of the ledger, their signatures, and how both are verified. Imports nothing of stores."""
