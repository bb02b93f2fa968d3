"""The modules here hold what the records say against each published claim."""
