"""Styles, scripts and pictures of the pages: named by their content, compressed once, kept by browsers for ever."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from flask import Flask, Response, abort, request

#: For addresses with the version that a file has; at them its content never changes.
FOR_EVER = "public, max-age=31536000, immutable"
#: For all others, such as those in pages that another version of the portal made: checked each time.
CHECKED = "public, max-age=0, must-revalidate"


@dataclass(frozen=True)
class File:
    """One file in memory."""

    body: bytes
    kind: str
    #: Says what is in it: the same for the same content, on every machine.
    version: str

    @cached_property
    def packed(self) -> bytes:
        """In gzip, as small as it gets; the same body always gives the same bytes."""
        return gzip.compress(self.body, 9, mtime=0)


@cache
def files(folder: Path) -> dict[str, File]:
    """Every file of a folder, by name; read once, so that what is served is what the addresses in pages say."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.is_file():
            body = path.read_bytes()
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            found[path.name] = File(body, kind, hashlib.blake2b(body, digest_size=8).hexdigest())
    return found


def init(app: Flask) -> None:
    """Let an application serve its static files from memory, and name their versions in addresses."""
    known = files(Path(app.static_folder or ""))

    def static(filename: str) -> Response:
        file = known.get(filename)
        if file is None:
            abort(404)
        is_packed = request.accept_encodings["gzip"] > 0 and len(file.packed) < len(file.body)
        response = Response(file.packed if is_packed else file.body, content_type=_content_type(file.kind))
        if is_packed:
            response.headers["Content-Encoding"] = "gzip"
        response.vary.add("Accept-Encoding")
        response.set_etag(file.version)
        # What another version of the portal asks for must not be kept under its address.
        response.headers["Cache-Control"] = FOR_EVER if request.args.get("v") == file.version else CHECKED
        response.make_conditional(request)
        if is_packed:  # Each form has its own tag; that of this one comes back without its end, see `kept_pages`.
            response.set_etag(f"{file.version}-gz")
        return response

    app.view_functions["static"] = static

    @app.url_defaults
    def version(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == "static" and (file := known.get(str(values.get("filename")))):
            values.setdefault("v", file.version)


def _content_type(kind: str) -> str:
    """With the character set, where a kind has one."""
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind.endswith(("xml", "json")) else kind
