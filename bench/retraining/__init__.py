"""The modules here train found cells from scratch."""
