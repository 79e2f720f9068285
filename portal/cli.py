"""The `portal` command: one entry for operators, writers and scripts."""

import click

from portal.commands.articles import articles
from portal.commands.desk import desk
from portal.commands.mail import mail
from portal.commands.privacy import privacy
from portal.commands.quality import calibrate, evaluate
from portal.commands.search import index, search
from portal.commands.serving import db, serve
from portal.commands.staff import staff
from portal.commands.tickets import tickets
from portal.commands.ticking import tick


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tier0-portal")
def main() -> None:
    """A multilingual knowledge base and self-service portal.

    Every setting is also an environment variable: PORTAL_ and its name in capitals.
    """


for command in (evaluate, calibrate):
    search.add_command(command)
for command in (serve, articles, search, index, tickets, desk, tick, mail, privacy, staff, db):
    main.add_command(command)
