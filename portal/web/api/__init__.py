"""The JSON API, version 1: everything that people can do, for other systems."""

from flask import Blueprint, request

#: Where every address of the API begins.
ROOT = "/api/"
PREFIX = f"{ROOT}v1"

blueprint = Blueprint("api", __name__, url_prefix=PREFIX)


def is_asked() -> bool:
    """Whether this request is for the API, also at an address of it that does not exist."""
    return f"{request.path}/".startswith(ROOT)
