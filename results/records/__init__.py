"""A run leaves one record; the modules here write it, keep it, and say which records count."""
