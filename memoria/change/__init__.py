"""Facts that change: superseding, reconciling, consolidating, and sleep, which does all three."""
