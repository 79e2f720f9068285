"""What machines ask of the portal: sitemaps, the search of browsers, robots, security contacts, images, health."""

from portal.web.discovery import health, images, opensearch, sitemaps
from portal.web.discovery.blueprint import blueprint
from portal.web.discovery.robots import no_index

__all__ = ["blueprint", "health", "images", "no_index", "opensearch", "sitemaps"]
