"""Reports, live board, tokens and webhooks in a real browser: nothing stands in anybody's way."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from portal.app import create_app
from portal.people import Role
from portal.server import prepare
from portal.services import open_services
from tests.builders import PASSWORD, person, settings, write_library
from tests.test_browser import check_page
from tests.test_report_pages import counted

pytestmark = pytest.mark.browser

PAGES = [
    "desk/reports/board",
    "desk/reports/board?wall=1",
    *(
        f"desk/reports/{name}?period=30"
        for name in ("", "search", "gaps", "requests", "survey", "articles", "translations")
    ),
    "desk/reports/?first=2026-13-45&last=x",
    "desk/administration/tokens",
    "desk/administration/tokens/new",
    "desk/administration/webhooks",
    "desk/administration/webhooks/new",
    "account/",
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A portal with figures of ten weeks and an administrator."""
    folder = tmp_path_factory.mktemp("reports")
    made = settings(write_library(folder / "articles"), folder / "var")
    prepare(made)
    services = open_services(made)
    counted(services)
    ada = replace(person(), email="ada@example.org", roles=frozenset({Role.ADMINISTRATOR}))
    services.staff.add(ada, PASSWORD, services.clock())
    app: Flask = create_app(made, services)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    services.close()


@pytest.mark.parametrize(("language", "scheme", "width"), [("fr", "light", 1280), ("de", "dark", 360)])
def test_nothing_stands_in_a_supervisors_way(
    language: str, scheme: str, width: int, browser: Browser, address: str
) -> None:
    """axe finds nothing with every part open, nothing scrolls sideways, the console stays silent."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.goto(f"{address}/{language}/sign-in")
    page.fill("#ui-email", "ada@example.org")
    page.fill("#ui-password", PASSWORD)
    page.locator("main form button").click()
    for path in PAGES:
        answer = page.goto(f"{address}/{language}/{path}")
        assert answer is not None
        assert answer.status == 200, path
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        faults += check_page(page, path)
    context.close()

    assert faults == []
