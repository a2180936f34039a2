"""One file a thing talked to."""
