"""The HTTP API: everything that the command can do, no second door."""
