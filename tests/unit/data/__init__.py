"""The data directory: downloads, conversion, and what is said about it."""
