"""Webhooks: other systems are told of what happens, signed, at least once, and only at addresses that are allowed."""
