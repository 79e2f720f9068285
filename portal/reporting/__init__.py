"""Reports: how things stand now, and what was achieved."""
