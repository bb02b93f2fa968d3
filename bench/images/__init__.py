"""The modules here load the images of a search and augment them."""
