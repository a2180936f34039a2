"""The shipped models and the taxonomy: data only."""
