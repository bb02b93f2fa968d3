"""What the steps of methods are made of."""
