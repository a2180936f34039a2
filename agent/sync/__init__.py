"""From the store to the broker."""
