"""An engine spreads the tasks of a plan over processes or machines."""
