"""Published claims, and what the records say about each."""
