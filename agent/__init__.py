"""The daemon on the vehicle, and its command line."""

__version__ = "0.1.0"
