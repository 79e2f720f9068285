"""Articles' files: the family of a slug, what git remembers, changes that keep every other byte, several files or none."""
