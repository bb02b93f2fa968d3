"""Found cells, trained from scratch."""
