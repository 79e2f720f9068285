"""Live preview: one text as its file stands now."""
