"""The pages of drafts, errors and articles for writers, and of texts side by side, over HTTP."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from portal import library, markup
from portal.app import create_app
from portal.articles import fingerprint
from portal.locales import CODES
from portal.people import Role
from portal.problems import Problem
from portal.server import prepare
from portal.services import open_services
from portal.writing.live import aside
from portal.writing.live import preview as live_preview
from portal.writing.live.preview import Previews, quotation
from tests.builders import PASSWORD, person, settings, write_article, write_library
from tests.conftest import sign_in

TOPIC = "handbook:\n  audience: writers\n  name: {en: Handbook, fr: Manuel, de: Handbuch, ru: Руководство}\n"
BASE = "/en/desk/writers"


def write_texts(root: Path) -> Path:
    """The small library with a draft, a text with an error, a topic for writers and an image."""
    write_library(root)
    with (root / "topics.yml").open("a", encoding="utf-8") as file:
        file.write(TOPIC)
    links = "[style](house-style.md#words), [passwords](reset-password.md), [structure](structure.md)"
    write_article(root, "en", "hotel", "Sign in to a hotel", f"{links}\n\n![Map](images/map.svg)", status="draft")
    write_article(root, "de", "hotel", "Im Hotel anmelden", "Öffnen Sie den Browser.", colour="blau")
    write_article(root, "en", "house-style", "House <b>style</b>", "## Words\n\nPlain ones.", topic="handbook")
    write_article(root, "en", "structure", "Structure", "First the answer.", topic="handbook")
    (root / "images").mkdir()
    (root / "images" / "map.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return root


@pytest.fixture
def library_folder(tmp_path: Path) -> Path:
    """Texts of one test."""
    return write_texts(tmp_path / "articles")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts that the tests share; each writes under slugs of its own."""
    return write_texts(tmp_path_factory.mktemp("writers") / "articles")


@pytest.fixture(scope="module")
def writer(texts: Path) -> Iterator[FlaskClient]:
    """Somebody who writes them and is signed in."""
    instance = settings(texts, texts.parent / "var")
    prepare(instance)
    services = open_services(instance)
    services.staff.add(person(roles=frozenset({Role.WRITER}), tiers=()), PASSWORD, services.clock())
    yield sign_in(create_app(instance, services).test_client(), "mia@example.org")
    services.close()


def main_of(page: str) -> str:
    """What stands in the middle of a page."""
    return page.split("<main", 1)[1].split("</main>", 1)[0]


def words_of(page: str) -> str:
    """The text of a page, blanks folded."""
    text = re.sub(r"<[^>]+>", "", main_of(page)).replace("&#39;", "'").replace("&gt;", ">")
    return " ".join(text.split())


def test_the_list_has_what_readers_do_not_see(writer: FlaskClient) -> None:
    """Drafts, files with errors, articles for writers, and what was saved last; nothing of it is kept by anybody."""
    answer = writer.get(f"{BASE}/articles/")

    page = main_of(answer.text)
    linked = set(re.findall(rf'href="{BASE}/articles/([^"]+)"', page))
    assert {"en/hotel", "de/hotel", "en/house-style", "en/structure"} <= linked
    assert "de/hotel.md:5" in page
    assert "House &lt;b&gt;style&lt;/b&gt;" in page
    assert (answer.headers["Cache-Control"], answer.headers["X-Robots-Tag"]) == ("private, no-store", "noindex")


@pytest.mark.parametrize("language", CODES)
def test_every_page_is_made_in_every_language(language: str, writer: FlaskClient) -> None:
    """The interface's language and the text's are two things."""
    paths = ("articles/", "articles/en/hotel", "articles/de/hotel", "compare/reset-password/ru", "compare/hotel/de")
    pages = [writer.get(f"/{language}/desk/writers/{path}") for path in paths]

    assert [page.status_code for page in pages] == [200] * 5
    assert ('class="prose" lang="en"' in pages[1].text) == (language != "en")


def test_a_draft_is_shown_as_it_stands_in_its_file(writer: FlaskClient, texts: Path) -> None:
    """Also before it is published; with links that lead on, images that are as new as their file, and its state."""
    write_article(texts, "en", "brand-new", "Brand new", "Not published yet.", status="draft")

    page = main_of(writer.get(f"{BASE}/articles/en/hotel").text)
    new = words_of(writer.get(f"{BASE}/articles/en/brand-new").text)

    assert 'href="house-style#words"' in page
    assert re.search(r'src="/images/map\.svg\?v=\d+"', page)
    assert 'class="tag seen seen-draft"' in page
    assert "Not published yet." in new


def test_links_lead_on_where_a_text_does_not_exist_in_that_language(writer: FlaskClient) -> None:
    """To the article that readers see, to the language that it exists in, and nowhere where there is none."""
    led = {path: writer.get(f"{BASE}/articles/{path}") for path in ("fr/printer-offline", "ru/structure", "en/nothing")}

    assert {path: (answer.status_code, answer.headers.get("Location")) for path, answer in led.items()} == {
        "fr/printer-offline": (302, "/fr/articles/printer-offline"),
        "ru/structure": (302, f"{BASE}/articles/en/structure"),
        "en/nothing": (404, None),
    }


def test_an_error_is_shown_with_file_line_and_the_line_itself(writer: FlaskClient) -> None:
    """And two lines around, the rule and why it is one; the other texts of the family are a link away."""
    page = writer.get(f"{BASE}/articles/de/hotel").text
    words = words_of(page)

    assert [len(re.findall(r"de/hotel\.md(?!:)", words)), words.count("de/hotel.md:5")] == [1, 1]
    assert "'colour' is no key" in words
    assert "> 5 │ colour: blau" in words
    assert "4 │ updated: 2026-01-05" in words
    assert "6 │ ---" in words
    assert "unknown-key" in words
    assert 'class="why"' in page
    assert f'href="{BASE}/articles/en/hotel"' in page


def test_what_a_check_of_the_text_finds_stands_below_it(writer: FlaskClient, texts: Path) -> None:
    """With its place; what the writers accept is left out."""
    write_article(texts, "en", "deep", "Hotel", "### Too deep\n\nText.", status="draft")
    found = words_of(writer.get(f"{BASE}/articles/en/deep").text)
    (texts / "check.yml").write_text("ignore: [heading-skips-level]\n")
    accepted = words_of(writer.get(f"{BASE}/articles/en/deep").text)
    (texts / "check.yml").unlink()

    assert "en/deep.md:8:1 Rule: heading-skips-level" in found
    assert "^" in found
    assert "heading-skips-level" not in accepted


def test_an_open_page_is_told_of_changes_alone(writer: FlaskClient, texts: Path) -> None:
    """304 as long as nothing has changed; then the new text alone, without the frame."""
    address = f"{BASE}/articles/en/motel"
    write_article(texts, "en", "motel", "Motel", "Something.", status="draft")
    state = writer.get(address).headers["ETag"]
    same = writer.get(f"{address}/fresh", headers={"If-None-Match": state})
    write_article(texts, "en", "motel", "Motel", "Something else.", status="draft")
    changed = writer.get(f"{address}/fresh", headers={"If-None-Match": state})
    write_article(texts, "en", "motel", "Motel", "Something else.", status="drafty")
    broken = writer.get(f"{address}/fresh", headers={"If-None-Match": changed.headers["ETag"]})
    (texts / "en" / "motel.md").unlink()
    gone = writer.get(f"{address}/fresh", headers={"If-None-Match": broken.headers["ETag"]})

    assert (same.status_code, same.data) == (304, b"")
    assert (changed.status_code, "Something else." in changed.text, "<html" in changed.text) == (200, True, False)
    assert "en/motel.md:5" in broken.text
    assert gone.status_code == 404


@pytest.mark.parametrize("page", ["articles", "compare/reset-password/de"])
def test_the_other_pages_are_told_too(page: str, writer: FlaskClient, texts: Path) -> None:
    """Of a changed file of either side; the list of a new publication."""
    slash = "/" if page == "articles" else ""
    state = writer.get(f"{BASE}/{page}{slash}").headers["ETag"]

    same = writer.get(f"{BASE}/{page}/fresh", headers={"If-None-Match": state})
    write_article(texts, "en", "reset-password", "Reset", "New.")
    later = writer.get(f"{BASE}/{page}/fresh", headers={"If-None-Match": state})

    assert same.status_code == 304
    # The list follows the publication, which nobody has made here.
    assert later.status_code == (304 if page == "articles" else 200)


def test_hostile_files_are_problems_and_never_faults(writer: FlaskClient, texts: Path, tmp_path: Path) -> None:
    """Links out of the folder, folders, giants, bytes that are no text: each is named; the page stays a page."""
    folder = texts / "en"
    (tmp_path / "outside.md").write_text("---\ntitle: Secret\ntopic: a\nupdated: 2026-01-01\n---\n\nSecret.\n")
    (folder / "outside.md").symlink_to(tmp_path / "outside.md")
    (folder / "dangling.md").symlink_to("nowhere.md")
    (folder / "folder.md").mkdir()
    (folder / "giant.md").write_bytes(b"x" * (library.MAX_BYTES + 1))
    (folder / "latin.md").write_bytes(b"---\ntitle: R\xe9seau <script>\n---\n")
    (folder / "control.md").write_bytes(b"---\ntitle: A\x07\xe2\x80\xaeB\n---\n\nText\n")
    (folder / "long.md").write_text("---\ntitle: " + "<i>" * 5000 + "\n---\n\nText\n")
    named = {
        "outside": "outside-link",
        "dangling": "broken-link",
        "folder": "no-file",
        "giant": "too-large",
        "latin": "wrong-encoding",
        "control": "control-character",
        "long": "invalid-value",
    }

    pages = {slug: writer.get(f"{BASE}/articles/en/{slug}") for slug in named}
    strange = [writer.get(f"{BASE}/articles/en/{slug}").status_code for slug in ("..%2Ftopics", "A", "x" * 200, "%00")]

    assert {slug: page.status_code for slug, page in pages.items()} == dict.fromkeys(named, 200)
    assert [slug for slug, code in named.items() if code not in main_of(pages[slug].text)] == []
    assert [slug for slug, page in pages.items() if "<script>" in page.text or "<i>" in page.text] == []
    assert "Secret" not in pages["outside"].text
    assert "\x07" not in pages["control"].text
    assert max(len(page.text) for page in pages.values()) < 30_000
    assert strange == [404] * 4


@trials(deadline=None, max_examples=200)
@given(st.lists(st.text(max_size=400), min_size=1, max_size=8), st.data())
def test_the_sign_stands_below_the_place(lines: list[str], data: st.DataObject) -> None:
    """Whatever the line is like: as many characters before it as before the place in what is quoted."""
    number = data.draw(st.integers(1, len(lines)))
    column = data.draw(st.integers(1, len(lines[number - 1]) + 1))
    whole = lines[number - 1]

    quoted = quotation(lines, Problem("a.md", number, "code", "Message.", column=column))

    meant = next(line for line in quoted.lines if line.is_meant)
    assert meant.number == number
    assert meant.indent is not None
    assert meant.indent.strip(" ") == ""
    if column <= len(whole):
        shown = meant.text[len(meant.indent)]
        assert shown in {whole[column - 1], " ", "\N{REPLACEMENT CHARACTER}"}
    assert all(len(line.text) <= live_preview.WIDTH + 2 and "\n" not in line.text for line in quoted.lines)
    assert len(quoted.lines) <= 5


def test_a_text_that_takes_long_does_not_hold_up_the_page(
    writer: FlaskClient, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says so, and has the text when it asks again."""
    ready, render = threading.Event(), markup.render

    def slowly(body: str, language: str) -> object:
        ready.wait(20)
        return render(body, language)

    monkeypatch.setattr(markup, "render", slowly)
    monkeypatch.setattr(aside, "PATIENCE", 0.01)
    write_article(texts, "en", "slow", "Slow", "Slow text.", status="draft")
    first = writer.get(f"{BASE}/articles/en/slow")
    monkeypatch.setattr(aside, "PATIENCE", 20)
    ready.set()
    later = writer.get(f"{BASE}/articles/en/slow/fresh", headers={"If-None-Match": first.headers["ETag"]})

    assert "takes long" in first.text
    assert "Slow text." in later.text


def test_a_text_that_cannot_be_rendered_is_an_error_on_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever Markdown makes of it, no page ends with a fault."""
    write_article(tmp_path)
    previews = Previews(tmp_path)
    monkeypatch.setattr(markup, "render", lambda *_: 1 // 0)
    file, _ = previews.look("en", "reset-password")
    assert file is not None

    preview = previews.preview(file)

    assert preview is not None
    assert [quoted.problem.code for quoted in preview.errors] == ["unreadable"]


def commit(root: Path) -> None:
    """Commit everything in a folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "x")):
        subprocess.run(["git", *command], cwd=root, check=True, env=clean, capture_output=True, timeout=30)


def translate(root: Path) -> None:
    """Write a German translation of the printer's article that names its source."""
    source = library.parse((root / "en" / "printer-offline.md").read_bytes(), "en", "printer-offline", "x").article
    assert source is not None
    write_article(root, "de", "printer-offline", "Drucker", "Prüfen Sie das Kabel.", source=f'"{fingerprint(source)}"')


def test_stale_passages_are_marked_beside_the_source(agent: FlaskClient, library_folder: Path) -> None:
    """By words and signs: what has changed since the text that git still has; and nothing while nothing has."""
    translate(library_folder)
    commit(library_folder)
    fresh = agent.get(f"{BASE}/compare/printer-offline/de")
    path = library_folder / "en" / "printer-offline.md"
    text = path.read_text(encoding="utf-8").replace("the cable", "the blue cable")
    path.write_text(f"{text}\n## Afterwards\n\nPrint a page.\n", encoding="utf-8")
    stale = agent.get(f"{BASE}/compare/printer-offline/de")

    assert "made from the source as it is now" in fresh.text
    assert "<ins>" not in fresh.text
    assert [mark.strip() for mark in re.findall(r"<ins>([^<]*)</ins>", stale.text)][:1] == ["blue"]
    words = words_of(stale.text)
    assert "Stale: translate anew" in words
    assert "New" in words
    assert "The translation does not have this section." in words
    assert re.search("--done --from [0-9a-f]{16}<", stale.text)
    assert 'lang="de"' in main_of(stale.text)


def test_where_git_knows_nothing_both_are_shown_whole(agent: FlaskClient, library_folder: Path) -> None:
    """And the page says why: no name of a source, no repository, or another text than git has."""
    unnamed = words_of(agent.get(f"{BASE}/compare/printer-offline/de").text)
    write_article(
        library_folder, "de", "printer-offline", "Drucker", "Prüfen Sie das Kabel.", source='"0123456789abcdef"'
    )
    without = words_of(agent.get(f"{BASE}/compare/printer-offline/de").text)
    commit(library_folder)
    write_article(
        library_folder, "de", "printer-offline", "Drucker", "Ziehen Sie am Kabel.", source='"0123456789abcdef"'
    )
    other = words_of(agent.get(f"{BASE}/compare/printer-offline/de").text)

    assert "does not name the text" in unnamed
    assert "Git knows nothing" in without
    assert "None of the versions" in other
    assert all("Check the cable" in page and "Kabel" in page for page in (unnamed, without, other))


def test_what_cannot_be_compared_says_what_to_do(writer: FlaskClient) -> None:
    """An error with its line; a command where the translation is missing; the source itself has its own page."""
    broken = words_of(writer.get(f"{BASE}/compare/hotel/de").text)
    missing = words_of(writer.get(f"{BASE}/compare/printer-offline/ru").text)
    itself = writer.get(f"{BASE}/compare/printer-offline/en")

    assert "> 5 │ colour: blau" in broken
    assert "portal articles translate printer-offline ru" in missing
    assert itself.headers["Location"] == f"{BASE}/articles/en/printer-offline"
    assert writer.get(f"{BASE}/compare/nothing/en").status_code == 404
    assert (
        writer.application.test_client().get(f"{BASE}/articles/en/hotel").headers["Location"].startswith("/en/sign-in")
    )
