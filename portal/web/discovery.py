"""What machines read: sitemap, robots, images, and whether the portal is well."""

import mimetypes
from collections.abc import Iterator
from pathlib import Path

from flask import Blueprint, Response, make_response, request, send_file, url_for

from portal.errors import NotFound
from portal.locales import CODES
from portal.web.links import absolute
from portal.web.security import IMAGE_POLICY
from portal.web.services import services

blueprint = Blueprint("discovery", __name__)

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
    return response


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a file is really in a folder and not a link out of it."""
    return path.is_file() and path.resolve().is_relative_to(folder)


@blueprint.get("/sitemap.xml")
def sitemap() -> Response:
    """Every article and topic in every language that it exists in, each naming the others."""
    response = Response("".join(_sitemap()), mimetype="application/xml")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


def _sitemap() -> Iterator[str]:
    """The lines of the sitemap."""
    knowledge = services().edition.knowledge
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    yield 'xmlns:xhtml="http://www.w3.org/1999/xhtml">\n'
    base = absolute("")
    pages: list[tuple[str, tuple[str, ...]]] = [("", CODES)]
    pages += [(f"topics/{shelf.topic.slug}", CODES) for shelf in knowledge.shelves(CODES[0])]
    pages += [(f"articles/{slug}", tuple(sorted(codes))) for slug, codes in sorted(knowledge.families.items())]
    for path, codes in pages:
        links = "".join(
            f'<xhtml:link rel="alternate" hreflang="{code}" href="{base}/{code}/{path}"/>' for code in codes
        )
        for code in codes:
            yield f"<url><loc>{base}/{code}/{path}</loc>{links}</url>\n"
    yield "</urlset>\n"


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Where robots may not go: searches and private pages."""
    lines = ["User-agent: *"]
    for code in CODES:
        lines += [
            f"Disallow: /{code}/{part}"
            for part in ("search", "suggest", "requests", "subscriptions", "visit", "desk", "account", "sign-in")
        ]
    lines.append("Disallow: /sign-in/return")
    lines += [f"Sitemap: {absolute(url_for('discovery.sitemap'))}", ""]
    response = make_response("\n".join(lines))
    response.mimetype = "text/plain"
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """The icon, for browsers that ask without reading the page."""
    response = Response(status=301)
    response.headers["Location"] = url_for("static", filename="favicon.svg")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@blueprint.get("/healthz")
def healthz() -> Response:
    """Whether the process answers."""
    return make_response({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, str], int]:
    """Whether people can be served: the database can be written, there is room, and every language can be searched.

    Mail that cannot be sent waits and keeps nobody from being served: it is told, and is only a failure for who asks
    with `strict=1`, such as a monitor.
    """
    checks = services().health.check()
    is_strict = request.args.get("strict") == "1"
    fails = {part for part, state in checks.items() if state != "ok" and (is_strict or part != "mail")}
    return checks, 503 if fails else 200


def no_index(response: Response) -> Response:
    """Keep private pages and search results out of search engines."""
    if request.endpoint not in {"help.home", "help.topic", "help.article", "roots.root"}:
        response.headers.setdefault("X-Robots-Tag", "noindex")
    return response
