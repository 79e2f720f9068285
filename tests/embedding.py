"""Another site that shows the widget: a strict policy of its own, and a portal on another host."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from werkzeug.serving import make_server

from portal.app import create_app
from portal.server import prepare
from portal.services import Services, open_services
from tests.builders import settings, write_article, write_library
from tests.serving import free_port

#: Styles of a site that does not expect guests.
_STYLES = "* { color: #c0c !important; float: right; text-transform: uppercase } tier0-help { --tier0-radius: 3px }"


@dataclass
class OtherSite:
    """A site that shows the widget."""

    origin: str
    portal: str
    services: Services
    #: What is sent for each path.
    pages: dict[str, str] = field(default_factory=dict)

    def page(self, script: str = "", body: str = "", language: str = "de", portal: str = "") -> str:
        """The address of a page with the widget.

        Args:
            script: attributes of the script's element.
            body: of the page.
            language: of the page.
            portal: whose widget it shows.
        """
        path = f"/{len(self.pages)}"
        self.pages[path] = (
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Shop</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/styles">'
            f'<script src="{portal or self.portal}/embed/v1.js" {script} async></script></head>'
            f"<body><main><h1>Shop</h1><button>Buy</button>{body}</main></body></html>"
        )
        return self.origin + path

    def policy(self) -> str:
        """What the documentation says that a strict site has to allow."""
        return (
            f"default-src 'none'; style-src 'self'; script-src {self.portal}; connect-src {self.portal}; "
            f"img-src {self.portal}; require-trusted-types-for 'script'; trusted-types tier0-help"
        )


@contextmanager
def other_site(folder: Path) -> Iterator[OtherSite]:
    """A site on `localhost`, and a portal on `127.0.0.1` that lets it show the widget."""
    ports = free_port(), free_port()
    origin, portal = f"http://localhost:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
    root = write_library(folder / "articles")
    title = "Datenschutzgrundverordnungskonformitätsbescheinigungsantragsformular"
    write_article(root, "de", "long-words", title, f"## {title}\n\n| A | B |\n|---|---|\n| {title} | {title} |")
    write_article(root, "en", "zebras", "Zebras in the corridor", "[More](more-zebras.md), [half](#50%).")
    write_article(root, "en", "more-zebras", "More of the striped ones", "They are striped.")
    wanted = settings(
        root, folder / "var", embed_origins=(origin,), base_url=portal, api_per_minute=10_000, requests_per_hour=1000
    )
    prepare(wanted)
    services = open_services(wanted)
    site = OtherSite(origin, portal, services)

    class Handler(BaseHTTPRequestHandler):
        """Sends the site's pages with its policy."""

        def do_GET(self) -> None:
            """Answer."""
            text = _STYLES if self.path == "/styles" else site.pages.get(self.path, "")
            self.send_response(200)
            self.send_header("Content-Type", "text/css" if self.path == "/styles" else "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", site.policy())
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    servers = (
        ThreadingHTTPServer(("127.0.0.1", ports[0]), Handler),
        make_server("127.0.0.1", ports[1], create_app(wanted, services), threaded=True),
    )
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield site
    for server in servers:
        server.shutdown()
        server.server_close()
    services.close()
