"""What spreads the tasks of a plan over processes and machines."""
