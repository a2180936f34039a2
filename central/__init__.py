"""The reference server: what devices send is stored here, once each, and acknowledged."""
