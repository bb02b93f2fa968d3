"""What is shown: figures, tables and one page, built from the records alone."""
