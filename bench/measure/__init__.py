"""What is measured beside a search."""
