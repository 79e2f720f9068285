"""Hostile bytes for whatever reads them: `python -m fuzz TARGET`."""
