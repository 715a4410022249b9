"""Generated cases of forgetting, beside two baselines."""
