"""memoria where agents already live: one thin file per framework, each behind an extra of its name."""
