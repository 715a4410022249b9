"""Which memories recall still finds: reinforcing, fading, budgets, pruning, and fitting a policy."""
