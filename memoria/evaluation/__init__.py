"""Measuring memoria: ratios from one run on one machine, and the lab that says which policy to use."""
