"""`portal articles`: everything that writers do at a prompt."""

from portal.commands.articles.group import articles

__all__ = ["articles"]
