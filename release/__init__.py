"""What is needed to make a release: the files of pinned requirements, and the sizes of what they install."""
