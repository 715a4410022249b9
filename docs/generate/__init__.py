"""The pages that are written by a program: the commands, and the reference of the library."""
