"""memoria beside other stores of memories: the same texts and vectors, each store in a process of its own, one run."""
