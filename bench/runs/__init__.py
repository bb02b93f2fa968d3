"""The runs of an experiment: planned, run in groups, kept and recorded."""
