"""The desk's queue: what it tells at a glance."""

import pytest
from flask.testing import FlaskClient

from portal.locales import CODES
from portal.sending import Sending
from portal.services import Services
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
