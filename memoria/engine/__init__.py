"""The face of memoria: every verb, no logic."""
