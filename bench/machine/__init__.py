"""What a search computes with: device, precision, compiler, memory, time."""
