"""What each verb costs: interleaved timings, printed as ratios."""
