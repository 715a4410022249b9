"""The console: pages on which people see what is remembered and why, over the HTTP service and nothing else."""
