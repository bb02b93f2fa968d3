"""The space families. A file here that declares ``SPACES`` is found by its folder: nothing else lists it."""
