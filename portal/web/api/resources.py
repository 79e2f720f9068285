"""Everything that the API has: importing this makes every address of it known."""

from portal.web.api import articles, gaps, reports, requests, search, tickets

__all__ = ["articles", "gaps", "reports", "requests", "search", "tickets"]
