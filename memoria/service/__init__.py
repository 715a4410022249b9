"""The HTTP service: the verbs for other languages. One store, one token for each prefix of namespaces."""
