"""distill: trains durable memories into the weights of a model, from which each can be removed again exactly."""
