"""What a model is made of: read, checked, and split."""
