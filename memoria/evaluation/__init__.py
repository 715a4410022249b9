"""Measuring memoria: on one machine, in one run, as ratios."""
