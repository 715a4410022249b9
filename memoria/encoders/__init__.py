"""Sentence models computed with numpy from the weights that packages carry: no torch, no network."""
