"""What came out: records, their store, oracles that score architectures, claims and statistics."""
