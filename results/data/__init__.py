"""The modules here find, fetch and convert what the data directory holds."""
