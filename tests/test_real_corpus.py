"""The walk over thousands of real articles where they are at hand, else over the shipped ones."""

import http.cookiejar
import json
import os
import re
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import library, markup
from portal.articles import internal
from portal.locales import CODES
from portal.topics import read_topics
from tests.builders import PASSWORD
from tests.inspecting import inspected
from tests.needs import REPOSITORY, corpus
from tests.serving import Server, portal, portal_with_input

pytestmark = [pytest.mark.reads, pytest.mark.server]
#: One in so many of the corpus's articles is taken, in all its languages: all of them take two minutes of two cores.
STEP = 1 if os.environ.get("WHOLE_CORPUS") else 3
QUERIES = {"en": "password", "fr": "mot de passe", "de": "Kennwort Passwort", "ru": "пароль"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The articles that are walked over."""
    whole = corpus()
    print("articles:", whole or "the shipped ones; the real corpus is not at hand")  # noqa: T201
    if whole is None or STEP == 1:
        return whole or REPOSITORY / "articles"
    part = tmp_path_factory.mktemp("part")
    slugs = sorted({path.stem for path in whole.glob("*/*.md")})
    for slug in slugs[::STEP]:
        for path in whole.glob(f"*/{slug}.md"):
            copy = part / path.relative_to(whole)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, copy)
    return part


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real server on the folder."""
    made = Server(tmp_path_factory.mktemp("corpus") / "var", articles=folder).start(1200, is_new=True)
    yield made
    made.kill()


def run(server: Server, *arguments: str) -> object:
    """What a command prints as JSON."""
    result = portal(*arguments, "--json", "--data", str(server.data), "--articles", str(server.articles))
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def files(folder: Path, code: str) -> list[Path]:
    """The files of a language whose articles readers see."""
    found = [file for file in library.scan(folder).files if file.language == code]
    if hidden := internal(read_topics(folder)[0]):
        articles = ((file, library.read(file, folder).article) for file in found)
        found = [file for file, article in articles if article is None or article.topic not in hidden]
    return [file.path for file in found]


def test_all_articles_load(server: Server) -> None:
    """None is left out, in any language, and the first start showed its progress."""
    there = {code: len(files(server.articles, code)) for code in CODES}

    status = run(server, "index", "status")
    log = server.log.read_text()

    assert isinstance(status, dict)
    assert status["articles"] == status["documents"] == there
    assert status["healthy"]
    assert "error" not in log
    assert "Articles 100 %" in log


def test_pages_render_safely(server: Server) -> None:
    """Every twentieth article is a page, and all with raw HTML in them come out clean."""
    faults = []
    for code in CODES:
        paths = files(server.articles, code)
        for path in paths[::20]:
            status, page = server.get(f"/{code}/articles/{path.stem}")
            faults += [] if status == 200 and '<div class="prose"' in page else [f"{code}/{path.stem}: {status}"]
        for path in paths:
            raw = path.read_bytes()
            if re.search(rb"<[a-z][^>]*>", raw):
                article = library.parse(raw, code, path.stem, path.name).article
                assert article is not None
                found = inspected(markup.render(article.body, code).html).faults
                faults += [f"{code}/{path.stem}: {fault}" for fault in found]

    assert faults == []


@pytest.mark.parametrize("language", CODES)
def test_searches_find_things(language: str, server: Server) -> None:
    """Ten results with marked words on the first page, and titles that are found by themselves."""
    found = run(server, "search", "query", language, QUERIES[language])
    articles = run(server, "articles", "list", "--language", language)
    assert isinstance(found, dict)
    assert isinstance(articles, list)
    sample = articles[:: max(1, len(articles) // 6)]

    ranks = []
    for article in sample:
        page = server.get(f"/{language}/search?q={urllib.parse.quote(article['title'])}")[1]
        ranks.append(f"/{language}/articles/{article['slug']}" in page)

    assert found["verdict"] == "answered"
    assert len(found["hits"]) == 10
    assert "<mark>" in server.get(f"/{language}/search?q={urllib.parse.quote(QUERIES[language])}")[1]
    assert sum(ranks) >= len(ranks) - 1


def test_a_nonsense_query_opens_a_ticket_that_an_agent_solves(server: Server) -> None:
    """From the page to the queue to a resolution."""
    server.get("/fr/search?q=xqzvw+zyxomatique")
    tickets = run(server, "tickets", "list")
    assert isinstance(tickets, list)
    number = tickets[0]["number"]
    options = (
        "--name",
        "Mia",
        "--own-password",
        "--password-stdin",
        "--data",
        str(server.data),
        "--articles",
        str(server.articles),
    )
    assert portal_with_input(f"{PASSWORD}\n", "staff", "add", "mia@example.org", *options) == 0

    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def post(page: str, action: str, **values: str) -> str:
        text = browser.open(server.url + page).read().decode()
        for name in ("csrf_token", "version"):
            if match := re.search(rf'name="{name}" value="([^"]*)"', text):
                values[name] = match[1]
        return str(browser.open(server.url + action, urllib.parse.urlencode(values).encode()).read().decode())

    post("/fr/sign-in", "/fr/sign-in", email="mia@example.org", password=PASSWORD)
    ticket = f"/fr/desk/tickets/{number}"
    post(ticket, f"{ticket}/take")
    page = post(ticket, f"{ticket}/solve", text="Hors sujet.", resolution="out_of_scope")
    solved = run(server, "tickets", "show", str(number))

    assert isinstance(solved, dict)
    assert (solved["kind"], solved["tier"], solved["language"], solved["occurrences"]) == ("gap", 1, "fr", 1)
    assert (solved["status"], solved["resolution"]) == ("solved", "out_of_scope")
    assert "Résolu" in page


def test_a_second_start_reads_nothing(server: Server) -> None:
    """With the index there, thousands of articles are ready at once."""
    second = Server(server.data, articles=server.articles)
    try:
        second.start()
        assert "Index      up to date" in second.log.read_text()
    finally:
        second.kill()
