"""An engine spreads the groups of a plan over processes or machines."""
