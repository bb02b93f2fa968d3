"""The modules here read and write files: whole, locked and checked."""
