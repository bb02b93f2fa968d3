"""Each TOML file here is an experiment; the modules read it and apply overrides."""
