"""What a run leaves: one record, kept in a store."""
