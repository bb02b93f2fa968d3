"""What the records of one experiment on one space say, as figures and tables show it."""
