"""What matching uses of a text: words, times, sketches, fingerprints and evidence. Stores and verbs use it."""
