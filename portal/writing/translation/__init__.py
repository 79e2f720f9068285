"""Translating: what is to be done, what has changed in the source since, and the two texts side by side."""
