"""The tables, and the three forms in which they are written."""
