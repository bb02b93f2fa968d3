"""The modules here plan the runs of an experiment, run them in groups, and keep what they find."""
