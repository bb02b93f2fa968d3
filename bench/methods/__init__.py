"""The methods, one per file. A file here that declares ``METHOD`` is found by its folder."""
