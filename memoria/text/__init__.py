"""What of a text counts: words, times, sketches, fingerprints, and the evidence of words. Stores and verbs use it."""
