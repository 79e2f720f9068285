"""The `portal` command: one entry for operators, writers and scripts."""

import click

from portal.commands.lazily import LazyGroup

_PLACES = {
    "serve": "portal.commands.serving:serve",
    "articles": "portal.commands.articles:articles",
    "backup": "portal.commands.backup:backup",
    "restore": "portal.commands.backup:restore",
    "search": "portal.commands.searching:search",
    "index": "portal.commands.search:index",
    "tickets": "portal.commands.tickets:tickets",
    "desk": "portal.commands.desk:desk",
    "tick": "portal.commands.ticking:tick",
    "mail": "portal.commands.mail:mail",
    "mcp": "portal.commands.mcp:mcp",
    "privacy": "portal.commands.privacy:privacy",
    "reports": "portal.commands.reports:reports",
    "secret": "portal.commands.secret:secret",
    "nodes": "portal.commands.nodes:nodes",
    "staff": "portal.commands.staff:staff",
    "tokens": "portal.commands.tokens:tokens",
    "webhooks": "portal.commands.webhooks:webhooks",
    "db": "portal.commands.database:db",
}


@click.group(
    cls=LazyGroup,
    places=_PLACES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="tier0-portal")
def main() -> None:
    """A multilingual knowledge base and self-service portal.

    Every setting is also an environment variable: PORTAL_ and its name in capitals.
    """
