"""All views of writers: importing them registers them."""

from portal.web.writers import articles, blueprint, comparing, feedback, frame, gaps, texts, todo

__all__ = ["articles", "blueprint", "comparing", "feedback", "frame", "gaps", "texts", "todo"]
