"""How files are read and written: whole, locked, checked."""
