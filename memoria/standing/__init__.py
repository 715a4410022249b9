"""Standing orders: values that were forgotten and are kept out from then on; see docs/standing.md."""
