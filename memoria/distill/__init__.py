"""distill: durable memories in the weights of a model, each of which can be taken out again exactly."""
