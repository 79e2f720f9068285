"""The widget as it is served: small, in four languages, for the sites that may show it."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.app import create_app
from portal.locales import CODES
from portal.server import prepare
from portal.web.squeezing import squeezed
from tests.builders import settings, write_library
from tests.needs import REPOSITORY, missing

SOURCE = (REPOSITORY / "portal" / "static" / "embed.js").read_text(encoding="utf-8")
DOCUMENT = (REPOSITORY / "docs" / "embedding.md").read_text(encoding="utf-8")
#: All that a visitor loads, compressed, in bytes.
MOST = 8 * 1024
PACKED = {"Accept-Encoding": "gzip"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A browser."""
    root = write_library(tmp_path_factory.mktemp("embed") / "articles")
    wanted = settings(root, root.parent / "var")
    prepare(wanted)
    return create_app(wanted).test_client()


@pytest.mark.parametrize("language", CODES)
def test_what_a_visitor_loads_is_small(language: str, client: FlaskClient) -> None:
    """Script and words of one language together, as they come over the wire."""
    script, words = (client.get(f"/embed/{name}", headers=PACKED) for name in ("v1.js", f"v1/{language}.json"))

    assert script.headers["Content-Encoding"] == words.headers["Content-Encoding"] == "gzip"
    assert len(script.data) + len(words.data) <= MOST
    assert gzip.decompress(script.data) == client.get("/embed/v1.js").data


def test_the_script_is_served_to_every_site_and_checked_often(client: FlaskClient) -> None:
    """At a stable address, kept for minutes; neither cookie nor address of the portal in it."""
    first = client.get("/embed/v1.js")
    again = client.get("/embed/v1.js", headers={"If-None-Match": first.headers["ETag"]})

    assert first.content_type == "text/javascript; charset=utf-8"
    assert first.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert "Accept-Encoding" in first.headers["Vary"]
    assert (again.status_code, again.data) == (304, b"")
    assert not first.headers.getlist("Set-Cookie")
    assert "localhost" not in first.text


def test_the_script_keeps_and_runs_nothing() -> None:
    """No storage, no cookies, no evaluated text, no styles in attributes; HTML only where it was made safe."""
    for forbidden in ("cookie", "localStorage", "sessionStorage", "indexedDB", "eval(", "Function(", "insertAdjacent",
                      "outerHTML", "document.write", ".style", "import("):  # fmt: skip
        assert forbidden not in re.sub(r"/\*.*?\*/", "", SOURCE, flags=re.DOTALL)
    assert SOURCE.count("innerHTML") == 1
    assert re.findall(r"parse\(([^)]+)\)", SOURCE) == ["html", "item.snippet_html", "article.html"]
    assert SOURCE.count("fetch(") == SOURCE.count('credentials: "omit"') == 2


def used(source: str) -> set[str]:
    """The words that the script looks up."""
    return set(re.findall(r"\bt\.(\w+)", source))


def test_every_word_is_there_in_every_language_and_used(client: FlaskClient) -> None:
    """The script asks for what it is given, and is given what it asks for."""
    texts: dict[str, dict[str, Any]] = {code: client.get(f"/embed/v1/{code}.json").get_json() for code in CODES}

    for code, words in texts.items():
        assert used(SOURCE) == words.keys() - {"allowed"}
        assert words["allowed"] is True
        assert set(words["results"]) == ({"one", "few", "many"} if code == "ru" else {"one", "other"})
        assert all("{n}" in form for form in words["results"].values())
        assert "{query}" in words["nothing"]
        assert words["also"].keys() == words["only"].keys() == set(CODES) - {code}
    assert texts["de"]["search"] == "Suchen"
    assert client.get("/embed/v1/xx.json").status_code == 404


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [("https://shop.example", True), ("https://shop.example:8443", False), ("https://other.example", False),
     ("null", False), ("http://localhost", True)],
)  # fmt: skip
def test_only_named_sites_may_show_it(origin: str, is_allowed: bool, app: Any) -> None:
    """Any page may ask whether it may; copies are kept apart by who asks."""
    services = app.extensions["portal"]
    object.__setattr__(services.settings, "embed_origins", ("https://shop.example",))

    answer = app.test_client().get("/embed/v1/en.json", headers={"Origin": origin})

    assert answer.get_json()["allowed"] is is_allowed
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert set(answer.headers["Vary"].split(", ")) >= {"Origin", "Accept-Encoding"}


def test_squeezing_changes_no_text(tmp_path: Path) -> None:
    """Texts, regular expressions and templates stay as they are; what is left is a script."""
    script = (
        'const a = "x  //  y", b = `p  ${ a }  /* q */`; // gone\n/* gone\n too */ if (a) b.match(/ [/ ]+"/g, 1);\n'
    )

    assert squeezed(script) == 'const a="x  //  y",b=`p  ${ a }  /* q */`;if(a)b.match(/ [/ ]+"/g,1);'
    if (node := shutil.which("node")) is None:
        missing("Node.js", "apt-get install nodejs")
    path = tmp_path / "embed.js"
    path.write_text(squeezed(SOURCE), encoding="utf-8")
    subprocess.run([node, "--check", str(path)], check=True, timeout=30)


def test_the_documentation_names_what_the_script_knows() -> None:
    """Every attribute, every variable of the look; the examples use no other."""
    variables = set(re.findall(r"var\((--tier0-[a-z0-9-]+)", SOURCE))
    attributes = {f"data-{name}" for name in re.findall(r"script\.dataset\.(\w+)", SOURCE)}
    examples = "".join(path.read_text() for path in (REPOSITORY / "docs" / "examples" / "embedding").glob("*.html"))

    assert set(re.findall(r"`(--tier0-[a-z0-9-]+)`", DOCUMENT)) == variables
    assert set(re.findall(r"`(data-[a-z]+)`", DOCUMENT)) == attributes
    assert set(re.findall(r"(--tier0-[a-z0-9-]+):", examples)) <= variables
    assert set(re.findall(r"\s(data-[a-z]+)=", examples)) <= attributes
    assert "/embed/v1.js" in examples
