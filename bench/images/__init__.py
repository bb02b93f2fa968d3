"""The images that are searched on."""
