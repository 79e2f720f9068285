"""Backup and restore: everything of an instance that cannot be made anew, in one archive that has been checked."""
