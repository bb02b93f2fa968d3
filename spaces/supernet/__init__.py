"""The modules here build one supernet for all spaces, with several seeds in it at once."""
