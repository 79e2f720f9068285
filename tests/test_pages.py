"""The help centre's pages as a reader's browser gets them."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.app import create_app
from portal.locales import CODES
from portal.server import prepare
from portal.services import Services, open_services
from portal.settings import Settings
from portal.web.security import HEADERS, MAX_BODY
from tests.builders import settings, write_article

PAGES = ["/{}/", "/{}/topics/accounts", "/{}/articles/reset-password", "/{}/search?q=password", "/{}/requests/new"]


@pytest.mark.parametrize(
    ("wishes", "cookie", "language"),
    [
        ("fr-CA,fr;q=0.9", None, "fr"),
        ("pt-BR,fr-CA;q=0.8,en;q=0.1", None, "fr"),
        ("de;q=0.3, ru;q=0.9", None, "ru"),
        ("ja", None, "en"),
        ("", None, "en"),
        ("de", "ru", "ru"),
        ("de", "tlh", "de"),
    ],
)
def test_the_root_leads_to_the_readers_language(
    wishes: str, cookie: str | None, language: str, reader: FlaskClient
) -> None:
    """Their explicit choice first, then their browser's wishes, then the default."""
    if cookie:
        reader.set_cookie("language", cookie)

    answer = reader.get("/", headers={"Accept-Language": wishes})

    assert answer.status_code == 302
    assert answer.location == f"/{language}/"
    assert set(answer.headers["Vary"].split(", ")) >= {"Accept-Language", "Cookie"}


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("page", PAGES)
def test_public_pages_load_nothing_from_elsewhere(page: str, language: str, reader: FlaskClient) -> None:
    """Every address of a resource is ours, and the headers are exact."""
    answer = reader.get(page.format(language))

    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    loaded = re.findall(r'(?:src|<link rel="(?:stylesheet|icon)" href)="([^"]+)"', answer.text)
    assert loaded
    assert all(address.startswith("/static/") for address in loaded)
    assert "style=" not in answer.text
    # Data for search engines is a script that never runs.
    assert not re.search(r'<script(?![^>]*(?:src=|type="application/ld\+json"))|\son\w+=', answer.text)
    assert f'<html lang="{language}"' in answer.text


@pytest.mark.parametrize("page", PAGES)
def test_the_language_switch_leads_to_the_same_page(page: str, reader: FlaskClient) -> None:
    """Own names, alphabetical, each marked with its language, never a dead end."""
    text = reader.get(page.format("en")).text

    links = re.findall(r'<a href="([^"]+)" lang="(\w\w)" hreflang="\w\w" data-language[^>]*>([^<]+)<', text)

    assert [(code, name) for _, code, name in links] == [
        ("de", "Deutsch"),
        ("en", "English"),
        ("fr", "Français"),
        ("ru", "Русский"),
    ]
    assert [address for address, _, _ in links] == [page.format(code) for code in ("de", "en", "fr", "ru")]
    for address, code, _ in links:
        assert f'<html lang="{code}"' in reader.get(address).text


def _alternates(text: str) -> dict[str, str]:
    """hreflang links of a page."""
    return dict(re.findall(r'<link rel="alternate" hreflang="([\w-]+)" href="([^"]+)"', text))


def test_hreflang_is_reciprocal_and_names_existing_translations_only(reader: FlaskClient) -> None:
    """Every language of an article names the same set, absolutely, with x-default."""
    sets = [_alternates(reader.get(f"/{code}/articles/reset-password").text) for code in CODES]

    assert set(sets[0]) == {*CODES, "x-default"}
    assert all(found == sets[0] for found in sets)
    assert sets[0]["fr"] == "http://localhost/fr/articles/reset-password"
    assert set(_alternates(reader.get("/de/articles/printer-offline").text)) == {"de", "en", "x-default"}


def test_an_article_without_translation_is_shown_with_a_banner(reader: FlaskClient) -> None:
    """In the reader's language the page says which language the text is in, and the text carries its own."""
    answer = reader.get("/ru/articles/vpn-only-english")

    assert answer.status_code == 200
    assert "Этой статьи" in answer.text or "статья" in answer.text.lower()
    assert 'class="banner"' in answer.text
    assert '<div class="prose" lang="en">' in answer.text
    assert '<link rel="canonical" href="http://localhost/en/articles/vpn-only-english">' in answer.text
    assert not _alternates(answer.text)


def test_the_best_other_language_is_chosen(reader: FlaskClient) -> None:
    """A French reader gets English before German."""
    assert '<div class="prose" lang="en">' in reader.get("/fr/articles/printer-offline").text


def test_links_between_articles_stay_in_the_readers_language(reader: FlaskClient) -> None:
    """Also in a text that is shown in another language."""
    text = reader.get("/fr/articles/printer-offline").text

    assert '<a href="reset-password#reset"' in text


def test_an_unchanged_article_costs_a_304(reader: FlaskClient) -> None:
    """The copy that the browser has is confirmed, per page and without a body."""
    first = reader.get("/en/articles/reset-password")
    again = reader.get("/en/articles/reset-password", headers={"If-None-Match": first.headers["ETag"]})
    other = reader.get("/fr/articles/reset-password", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert other.status_code == 200
    weak = {"If-None-Match": f"W/{first.headers['ETag']}"}
    assert reader.get("/en/articles/reset-password", headers=weak).status_code == 304
    head = reader.head("/en/articles/reset-password")
    assert (head.headers["ETag"], head.headers["Content-Length"]) == (
        first.headers["ETag"],
        first.headers["Content-Length"],
    )
    for page in ("/en/", "/en/topics/accounts"):
        etag = reader.get(page).headers["ETag"]
        assert reader.get(page, headers={"If-None-Match": etag}).status_code == 304


def test_static_files_are_kept_for_ever_under_their_version(reader: FlaskClient) -> None:
    """The address changes with the content."""
    address = re.search(r'href="(/static/portal\.css\?v=[^"]+)"', reader.get("/en/").text)

    assert address is not None
    assert reader.get(address[1], buffered=True).headers["Cache-Control"] == "public, max-age=31536000, immutable"


ERRORS = [
    (400, "/{}/articles/reset-password/vote", "POST", {}),
    (404, "/{}/nothing", "GET", {}),
    (404, "/{}/articles/nothing", "GET", {}),
    (404, "/{}/topics/nothing", "GET", {}),
    (404, "/{}/topics/accounts?page=99", "GET", {}),
    (404, "/{}/search?q=password&page=x", "GET", {}),
    (404, "/{}/requests/" + "0" * 64, "GET", {}),
    (404, "/{}/requests/short", "GET", {}),
    (404, "/{}/articles/" + "x" * 300, "GET", {}),
    (404, "/{}/articles/..%2f..%2fetc%2fpasswd", "GET", {}),
    (404, "/images/..%2fportal.db", "GET", {}),
    (405, "/{}/", "POST", {}),
    (413, "/{}/requests/new", "POST", {"data": {"description": "x" * (MAX_BODY + 1)}}),
    (403, "/{}/requests/new", "POST", {"headers": {"Sec-Fetch-Site": "cross-site"}}),
    (403, "/{}/requests/new", "POST", {"headers": {"Origin": "https://evil.example"}}),
    (403, "/{}/requests/new", "POST", {"headers": {"Origin": "http://["}}),
    (404, "/{}/search?q=password&page=15", "GET", {}),
    (400, "/{}/", "GET", {"headers": {"Host": "evil.example"}}),
    (400, "/{}/", "GET", {"headers": {"Host": "a b<script>"}}),
]


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize(
    ("status", "path", "method", "more"), ERRORS, ids=[f"{row[0]} {row[1][:40]}" for row in ERRORS]
)
def test_errors_are_pages_in_the_readers_language(
    status: int, path: str, method: str, more: dict[str, object], language: str, reader: FlaskClient
) -> None:
    """Plain words, the language of the address, a way on, and nothing of what was sent."""
    address = path.format(language)
    answer = reader.open(address, method=method, **more)  # type: ignore[arg-type]

    assert answer.status_code == status
    assert "evil" not in answer.text
    if address.startswith(f"/{language}/"):
        assert f'<html lang="{language}"' in answer.text
        assert f'href="/{language}/requests/new"' in answer.text


def test_the_titles_of_errors_differ_by_language(reader: FlaskClient) -> None:
    """No language shows another's words."""
    titles = {re.search(r"<h1>([^<]+)</h1>", reader.get(f"/{code}/nothing").text)[1] for code in CODES}  # type: ignore[index]

    assert len(titles) == 4


def test_an_unknown_language_is_a_page_in_the_browsers_language(reader: FlaskClient) -> None:
    """`/es/` is no page; who reads German is told in German."""
    answer = reader.get("/es/articles/reset-password", headers={"Accept-Language": "de"})

    assert answer.status_code == 404
    assert '<html lang="de"' in answer.text


def test_too_many_votes_are_told_politely(reader: FlaskClient) -> None:
    """After the limit the page says so, with the time to wait."""
    for _ in range(60):
        reader.post("/de/articles/reset-password/vote", data={"helpful": "yes"})
    answer = reader.post("/de/articles/reset-password/vote", data={"helpful": "yes"})

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "300"
    assert '<html lang="de"' in answer.text


def test_an_unforeseen_fault_is_a_polite_page(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the fault is shown."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setitem(app.view_functions, "help.home", lambda: 1 / 0)

    answer = app.test_client().get("/fr/")

    assert answer.status_code == 500
    assert '<html lang="fr"' in answer.text
    assert "ZeroDivision" not in answer.text


@pytest.mark.sqlite
def test_a_database_that_does_not_answer_is_503_and_articles_go_on(
    reader: FlaskClient, portal_services: Services, tmp_path: Path
) -> None:
    """Articles need no tickets' database; what does need it says so politely."""
    portal_services.database.close()
    for path in (tmp_path / "var").glob("portal.db*"):
        path.unlink()

    form = reader.get("/ru/requests/" + "0" * 64)

    assert reader.get("/ru/articles/reset-password").status_code == 200
    assert form.status_code == 503
    assert form.headers["Retry-After"] == "60"
    assert '<html lang="ru"' in form.text


def test_an_alias_redirects_for_ever(instance: Settings, portal_services: Services, library_folder: Path) -> None:
    """The old address leads to the new one, in the same language."""
    write_article(library_folder, "en", "new-name", aliases="[old-name]")
    prepare(instance)
    client = create_app(instance, open_services(instance)).test_client()

    answer = client.get("/de/articles/old-name")

    assert (answer.status_code, answer.location) == (308, "/de/articles/new-name")


def test_an_outdated_translation_says_so(instance: Settings, library_folder: Path) -> None:
    """After a critical change of the source its translations warn, and lead to it."""
    write_article(library_folder, "en", "reset-password", significance="critical", body="All has changed.")
    write_article(library_folder, "fr", "reset-password", "Réinitialiser", source='"0123456789abcdef"')
    prepare(instance)
    client = create_app(instance, open_services(instance)).test_client()

    text = client.get("/fr/articles/reset-password").text

    assert "banner-warning" in text
    assert 'href="/en/articles/reset-password" hreflang="en"' in text


def test_a_vote_counts_once_and_can_be_changed(reader: FlaskClient, portal_services: Services) -> None:
    """Yes, then no with a reason: one vote, the last."""
    yes = reader.post("/en/articles/reset-password/vote", data={"helpful": "yes"})
    no = reader.post("/en/articles/reset-password/vote", data={"helpful": "no"})
    why = {"helpful": "no", "reason": "unclear", "comment": "Which page?"}
    reader.post("/en/articles/reset-password/vote", data=why)

    assert yes.location == "/en/articles/reset-password?vote=yes#ui-feedback"
    assert "HttpOnly" in yes.headers["Set-Cookie"]
    assert "SameSite=Lax" in yes.headers["Set-Cookie"]
    assert 'name="reason"' in reader.get(no.location).text
    edition = portal_services.edition
    assert edition.votes(portal_services.tallies()) == {("en", "reset-password"): (0, 1)}


def test_robots_may_not_search(reader: FlaskClient) -> None:
    """Searches and private pages are closed to robots, twice."""
    assert "Disallow: /de/search" in reader.get("/robots.txt").text
    assert reader.get("/de/search?q=x").headers["X-Robots-Tag"] == "noindex"
    assert "X-Robots-Tag" not in reader.get("/de/").headers


@pytest.mark.parametrize("path", ["/en/", "/en/articles/reset-password", "/en/topics/accounts"])
def test_one_copy_of_a_public_page_serves_everybody(path: str, reader: FlaskClient) -> None:
    """No cookie makes another page of it, nor does a page set one, also for who has searched."""
    first = reader.get(path)
    reader.get("/en/search?q=password")
    second = reader.get(path)

    assert "Cookie" not in first.headers.get("Vary", "") + second.headers.get("Vary", "")
    assert first.headers["ETag"] == second.headers["ETag"]
    assert not second.headers.getlist("Set-Cookie")


def test_health_and_readiness(reader: FlaskClient, tmp_path: Path) -> None:
    """Alive is not ready: a missing database or index is red."""
    assert reader.get("/healthz").json == {"status": "ok"}
    assert reader.get("/readyz").json == {"database": "ok", "disk": "ok", "search": "ok", "mail": "ok"}

    none = f"sqlite:///{tmp_path / 'empty' / 'portal.db'}"
    empty = settings(tmp_path / "articles", tmp_path / "empty", database_url=none)
    empty.data.mkdir()
    answer = create_app(empty, open_services(empty)).test_client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json == {"database": "fails", "disk": "ok", "search": "fails", "mail": "waiting"}


def test_images_come_from_their_folder_alone(reader: FlaskClient, library_folder: Path) -> None:
    """Known kinds only, never a link out of the folder, and scripts in SVG cannot run."""
    images = library_folder / "images"
    images.mkdir()
    (images / "tiers.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    (images / "page.html").write_text("<script>alert(1)</script>")
    (images / "link.png").symlink_to("/etc/hostname")

    good = reader.get("/images/tiers.svg", buffered=True)

    assert good.mimetype == "image/svg+xml"
    assert "default-src 'none'" in good.headers["Content-Security-Policy"]
    assert [reader.get(f"/images/{name}").status_code for name in ("page.html", "link.png", "no.png")] == [404] * 3
