"""The modules here make the tables and write them in three forms."""
