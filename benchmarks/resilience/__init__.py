"""A crowd of readers and agents on a running portal, and what becomes of their deeds when its parts are killed."""
