"""A study joins the records of one experiment on one space with the scores of their architectures."""
