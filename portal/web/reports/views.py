"""All views of reports: importing them registers them."""

from portal.web.reports import articles, blueprint, board, download, history

__all__ = ["articles", "blueprint", "board", "download", "history"]
