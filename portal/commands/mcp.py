"""`portal mcp`: lets assistants search, read and ask for help, through the API."""

import os
import re
from importlib.metadata import version
from importlib.util import find_spec

import click

from portal.commands.options import with_settings
from portal.errors import CannotStart
from portal.setting_texts import base_url
from portal.settings import Settings

#: Holds the token to the API; it is no setting of the portal, which knows only its hash.
VARIABLE = "TIER0_API_TOKEN"


@click.command()
@click.option("--url", metavar="URL", help="Address of the portal; without it that of the settings.")
@click.option(
    "--http", "listen", metavar="HOST:PORT", help="Serve several assistants over streamable HTTP instead of stdio."
)
@with_settings
def mcp(settings: Settings, url: str | None, listen: str | None) -> None:
    """Serve the Model Context Protocol: search, articles, topics and requests, for assistants.

    It asks the API of a running portal, with the token in the environment variable TIER0_API_TOKEN if there is one. Over
    HTTP it uses no token of its own: each assistant's Authorization header is passed on.
    """
    if find_spec("mcp") is None:
        raise CannotStart("The assistants' server needs an extra: pip install 'tier0-portal[mcp]'.")
    wanted = url or settings.public_url
    try:
        address = base_url(wanted)
    except ValueError as allowed:
        raise CannotStart(f"{wanted!r} is no address of a portal; give {allowed}.") from None
    host, port = _listens_on(listen) if listen else ("", 0)
    from portal.assistant import Portal, serve  # noqa: PLC0415 - it is an extra

    token = "" if listen else os.environ.get(VARIABLE, "").strip()
    server = serve(Portal(address, token, is_shared=bool(listen)), version("tier0-portal"))
    if listen:
        server.run("streamable-http", host=host, port=port, stateless_http=True, json_response=True)
    else:
        server.run()


def _listens_on(text: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        CannotStart: that is neither.
    """
    found = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", text)
    if found is None or not 0 < int(found[2]) < 65536:
        raise CannotStart(f"{text!r} is no host and port; give them as 127.0.0.1:8765.")
    return found[1].strip("[]"), int(found[2])
