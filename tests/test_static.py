"""Static files: named by their content, packed, kept for ever by browsers and by nobody else's mistake."""

import gzip
import re
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from portal.web.static_files import CHECKED, FOR_EVER, files

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def address(reader: FlaskClient) -> str:
    """The style sheet's address, as a page has it."""
    found = re.search(r'href="(/static/portal\.css\?v=[0-9a-f]{16})"', reader.get("/en/").text)
    assert found is not None
    return found[1]


def test_its_version_is_its_content(app: Flask, tmp_path: Path) -> None:
    """The same on every machine, whenever it was installed; another for other content."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    for folder, text in (("one", "a { color: red }"), ("two", "a { color: red }")):
        (tmp_path / folder / "x.css").write_text(text)
    (tmp_path / "two" / "y.css").write_text("a { color: blue }")
    one, two = files(tmp_path / "one"), files(tmp_path / "two")

    assert one["x.css"].version == two["x.css"].version != two["y.css"].version
    assert all(file.version for file in files(Path(str(app.static_folder))).values())


def test_it_is_kept_for_ever_under_its_version_only(reader: FlaskClient) -> None:
    """What a page of another version of the portal asks for is not kept under its address."""
    own = address(reader)

    assert reader.get(own).headers["Cache-Control"] == FOR_EVER
    for other in (own.partition("?")[0], own[:-1] + "x", own + "0"):
        answer = reader.get(other)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, CHECKED)


def test_it_is_packed_for_who_can_read_that(reader: FlaskClient) -> None:
    """Each form has its own tag, by which it is confirmed."""
    packed, plain = reader.get(address(reader), headers=GZIP), reader.get(address(reader))

    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 3
    assert packed.content_type == plain.content_type == "text/css; charset=utf-8"
    for answer, more in ((packed, GZIP), (plain, {})):
        assert answer.headers["Vary"] == "Accept-Encoding"
        same = reader.get(address(reader), headers={**more, "If-None-Match": answer.headers["ETag"]})
        assert (same.status_code, same.data) == (304, b"")
    assert packed.headers["ETag"] != plain.headers["ETag"]


def test_what_there_is_not_is_a_page(reader: FlaskClient) -> None:
    """Nothing that is typed becomes a path."""
    for name in ("nothing.css", "../app.py", "%2e%2e/app.py", "portal.css/x"):
        assert reader.get(f"/static/{name}").status_code == 404


def test_the_first_visit_is_light(reader: FlaskClient) -> None:
    """Home, an article and results with all that they load: few requests, few bytes."""
    for path in ("/en/", "/en/articles/reset-password", "/en/search?q=password"):
        page = reader.get(path, headers=GZIP)
        loaded = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', gzip.decompress(page.data).decode()))
        sizes = [len(reader.get(each, headers=GZIP).data) for each in loaded]
        assert len(page.data) + sum(sizes) <= 30_000
        assert 1 + len(loaded) <= 6
