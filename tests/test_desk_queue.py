"""The desk: what the queue and a ticket tell at a glance, and drafts of translations."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from portal.library import PLACEHOLDER
from portal.locales import CODES
from portal.sending import Sending
from portal.services import Services
from portal.storage import gaps
from portal.storage import tickets as store
from portal.tickets import Kind
from tests.builders import ticket
from tests.test_desk_pages import act

NEW_REPLY = {"en": "New reply", "fr": "Nouvelle réponse", "de": "Neue Antwort", "ru": "Новый ответ"}


@pytest.mark.parametrize("language", CODES)
def test_the_queue_says_where_the_requester_has_written_last(
    language: str, agent: FlaskClient, portal_services: Services
) -> None:
    """Until somebody answers; what they wrote first is no reply."""
    services, now = portal_services, portal_services.clock()
    sent = Sending("Anna", "anna@example.org", "", "It does not print.", "en")
    _, token = services.requests.receive(sent, "nonce", now, stems=[])

    first = agent.get(f"/{language}/desk/").text
    services.requests.answer_back(token, "Still white pages.", now)
    replied = agent.get(f"/{language}/desk/").text
    act(agent, 1, "reply", text="Change the cartridge.")
    answered = agent.get(f"/{language}/desk/").text

    assert [NEW_REPLY[language] in page for page in (first, replied, answered)] == [False, True, False]


def test_a_mail_says_what_it_was_about_and_the_trail_says_when(agent: FlaskClient, portal_services: Services) -> None:
    """On the ticket: confirmation and reply, and the time of what had been tried."""
    item = {"kind": "search", "text": "paper jam", "language": "en", "at": "2026-03-02T09:30:00+00:00"}
    sent = Sending("Anna", "anna@example.org", "", "It does not print.", "en", trail=(item,))
    portal_services.requests.receive(sent, "nonce", portal_services.clock(), stems=[])
    act(agent, 1, "reply", text="Change the cartridge.")

    page = agent.get("/en/desk/tickets/1").text

    assert "Confirmation: Waiting" in page
    assert "Reply: Waiting" in page
    assert 'datetime="2026-03-02T09:30:00+00:00">2 Mar 2026, 09:30\u00a0UTC</time>' in page


def test_a_translation_draft_brings_the_text_that_is_to_be_translated(
    agent: FlaskClient, portal_services: Services
) -> None:
    """With its fingerprint, as a draft that cannot be published as it is."""
    gap = ticket(kind=Kind.TRANSLATION, language="ru", query="туннель", slug="vpn-only-english", fingerprint="t" * 32)
    with portal_services.database.write() as connection:
        store.create(connection, gap)
        store.create(connection, replace(gap, query="туннель vpn", occurrences=4, fingerprint="u" * 32))

    draft = agent.get("/ru/desk/tickets/1/draft.md")
    source = portal_services.edition.knowledge.source("vpn-only-english")

    assert source is not None
    assert f'source: "{source.fingerprint}"' in draft.text
    assert "The tunnel opens with your token." in draft.text
    assert PLACEHOLDER in draft.text
    with portal_services.database.read() as connection:
        (wanted,) = gaps.wanted(connection)
    assert (wanted.slug, wanted.occurrences, wanted.number) == ("vpn-only-english", 5, 2)
