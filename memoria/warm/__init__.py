"""A warm process: it has imported what commands need and loaded the model, and each command runs in a fork of it.

It holds no content. What was typed, the environment and the terminal are read by the fork, which ends with the command;
the warm process itself opens no store and holds no lock of one.
"""
