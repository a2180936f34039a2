"""How a network is fitted to photographs and written as a file."""
