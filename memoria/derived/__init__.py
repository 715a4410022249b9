"""What is made from what: gists, the deletion graph, and the records that are made."""
