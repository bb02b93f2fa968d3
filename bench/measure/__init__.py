"""The modules here measure a search without changing it."""
