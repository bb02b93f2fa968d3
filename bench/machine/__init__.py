"""The modules here decide how a search uses a machine: device, precision, compiler, memory and time."""
