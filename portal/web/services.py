"""The way from a request to the parts of the running portal."""

from typing import cast

from flask import current_app

from portal.services import Services

EXTENSION = "portal"


def services() -> Services:
    """The parts that this application was made with."""
    return cast(Services, current_app.extensions[EXTENSION])
