"""The modules here say how good an architecture is, and how good the best of a space is."""
