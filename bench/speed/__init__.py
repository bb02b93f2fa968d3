"""How fast a search is on this machine: what is measured, the files of measurements, and how they are read."""
