"""Measuring memoria: costs as ratios from one run on one machine, quality, and a lab that compares policies."""
