"""The articles' images, and the portal's icon."""

import mimetypes
from pathlib import Path

from flask import Response, send_file, url_for

from portal.errors import NotFound
from portal.web.discovery.blueprint import blueprint
from portal.web.security import IMAGE_POLICY
from portal.web.services import services

#: Kinds of image that articles may show.
IMAGE_TYPES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg"}


@blueprint.get("/images/<name>")
def image(name: str) -> Response:
    """An image of the articles."""
    folder = services().settings.articles.resolve() / "images"
    # Names are looked up, never put together: nothing that is typed becomes a path.
    known = {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}
    path = known.get(name)
    if path is None or path.suffix.lower() not in IMAGE_TYPES or not _is_inside(path, folder):
        raise NotFound(name)
    response = send_file(path, mimetypes.guess_type(path.name)[0], conditional=True, etag=True, max_age=0)
    response.headers["Content-Security-Policy"] = IMAGE_POLICY
    response.headers["Cache-Control"] = "public, max-age=3600"
    if services().settings.embed_origins:  # The widget shows articles on other sites.
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a file is really in a folder and not a link out of it."""
    return path.is_file() and path.resolve().is_relative_to(folder)


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """The icon, for browsers that ask without reading the page."""
    response = Response(status=301)
    response.headers["Location"] = url_for("static", filename="favicon.svg")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
