"""How good found architectures are, and what says so."""
