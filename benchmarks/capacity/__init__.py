"""What one node and the shared database carry, and from that how many of them a help centre needs."""
