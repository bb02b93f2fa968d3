"""The supernet, for all spaces and several seeds at once."""
