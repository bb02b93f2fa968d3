"""The data directory: what it holds, and where that comes from."""
