"""The desk: what agents do with tickets, and what the desk does by itself."""
