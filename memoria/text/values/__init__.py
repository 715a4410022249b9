"""Values that texts hold, however they are written: codes, numbers, dates, addresses of mail, names and phrases."""
