"""What a person may ask for: what is stored about them, a copy of it, that it is erased, that it is only stored."""
