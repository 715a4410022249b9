"""Which memories stay within reach: reinforcing, fading, budgets, pruning, and fitting a policy."""
