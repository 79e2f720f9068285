"""Votes count for the text that a reader had before them, whatever has been published since."""

from flask.testing import FlaskClient
from sqlalchemy import select

from portal.publishing import Publisher
from portal.services import Services
from portal.settings import Settings
from portal.storage.schema import votes
from tests.builders import NOW, write_article
from tests.conftest import hidden


def publish(instance: Settings, services: Services) -> None:
    """Publish, and let the application see it."""
    Publisher(instance.articles, instance.data).publish(NOW)
    services.editions._looked = float("-inf")


def stored(services: Services) -> list[tuple[str, str, str, bool]]:
    """Language, slug, revision and opinion of every vote."""
    with services.database.read() as connection:
        rows = connection.execute(select(votes.c.language, votes.c.slug, votes.c.revision, votes.c.is_helpful))
        return [(*row[:3], bool(row[3])) for row in rows]


def fingerprint(services: Services, language: str, slug: str) -> str:
    """Of the present text."""
    return services.edition.knowledge.articles[language, slug].fingerprint


def test_a_vote_is_about_the_text_that_was_read(
    instance: Settings, portal_services: Services, reader: FlaskClient
) -> None:
    """Not about the better one that came in between; what is said on the next page is about it too."""
    page = "/en/articles/printer-offline"
    proof, old = hidden(reader.get(page).text, "text"), fingerprint(portal_services, "en", "printer-offline")
    write_article(instance.articles, "en", "printer-offline", "The printer is offline", "Better.", topic="devices")
    publish(instance, portal_services)
    new = fingerprint(portal_services, "en", "printer-offline")

    no = reader.post(f"{page}/vote", data={"helpful": "no", "text": proof})
    first = stored(portal_services)
    asked = hidden(reader.get(no.headers["Location"]).text, "text")
    reader.post(f"{page}/vote", data={"helpful": "no", "reason": "unclear", "text": asked})
    second = stored(portal_services)
    reader.post(f"{page}/vote", data={"helpful": "yes", "text": hidden(reader.get(page).text, "text")})

    assert old != new
    assert first == second == [("en", "printer-offline", old, False)]
    assert stored(portal_services) == [("en", "printer-offline", new, True)]


def test_a_translation_that_appears_gets_no_vote_for_another_language(
    instance: Settings, portal_services: Services, reader: FlaskClient
) -> None:
    """The reader of the French site had the English text before them."""
    page = "/fr/articles/vpn-only-english"
    proof = hidden(reader.get(page).text, "text")
    write_article(instance.articles, "fr", "vpn-only-english", "Le VPN", "Le texte.", topic="accounts")
    publish(instance, portal_services)

    reader.post(f"{page}/vote", data={"helpful": "no", "text": proof})

    now = fingerprint(portal_services, "en", "vpn-only-english")
    assert stored(portal_services) == [("en", "vpn-only-english", now, False)]


def test_nobody_votes_on_an_invented_text(portal_services: Services, reader: FlaskClient) -> None:
    """What is missing, invented, too long or another article's proof counts for the present text, as on an old page."""
    page, now = "/en/articles/reset-password", fingerprint(portal_services, "en", "reset-password")
    other = hidden(reader.get("/en/articles/printer-offline").text, "text")

    for proof in ("", "0123456789abcdef", "WyJhIl0.x", "x" * 100_000, other):
        answer = reader.post(f"{page}/vote", data={"helpful": "yes", "text": proof})
        assert answer.location == "/en/articles/reset-password?vote=yes#ui-feedback"
        assert stored(portal_services) == [("en", "reset-password", now, True)]
        assert reader.get(page, query_string={"vote": "no", "text": proof}).status_code == 200


def test_the_proof_outlives_a_new_name(instance: Settings, portal_services: Services, reader: FlaskClient) -> None:
    """A page that was opened before its article was renamed names the same text."""
    proof = hidden(reader.get("/en/articles/printer-offline").text, "text")
    old = fingerprint(portal_services, "en", "printer-offline")
    for code in ("en", "fr", "de", "ru"):
        file = instance.articles / code / "printer-offline.md"
        if file.exists():
            file.rename(file.with_name("offline.md"))
    write_article(instance.articles, "en", "offline", "The printer is offline", "Better.", topic="devices")
    (instance.articles / "redirects.yml").write_text("printer-offline: offline\n", encoding="utf-8")
    publish(instance, portal_services)

    answer = reader.post("/en/articles/printer-offline/vote", data={"helpful": "no", "text": proof})
    reader.post(answer.headers["Location"], data={"helpful": "no", "text": proof})

    assert stored(portal_services) == [("en", "offline", old, False)]
