"""The methods, one a file. A file here that declares ``METHOD`` is found by its folder."""
