"""One file for each data set, with all that is a fact about it; a file here is found by its ``DATASET``."""
