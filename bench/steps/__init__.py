"""The modules here hold the parts of a training step, from which each method is composed."""
