"""Major incidents over HTTP: at the desk, and above every public page."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.desk.telling import label
from portal.locales import CODES
from portal.people import Person, Role
from portal.services import Services
from portal.storage import Database
from portal.storage import tickets as store
from portal.tickets import Action, Status, Ticket
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in
from tests.desk_forms import HOSTILE, at, post
from tests.storing import add, get, history
from tests.test_subscribing import mails

PUBLIC = (
    "", "topics/accounts", "articles/reset-password", "search?q=password", "search", "requests/new", "sign-in",
    "requests/find", "requests/" + "0" * 64, "nowhere",
)  # fmt: skip


@pytest.fixture
def database(portal_services: Services) -> Database:
    """Of the instance."""
    return portal_services.database


@pytest.fixture
def sue(portal_services: Services) -> Person:
    """A supervisor."""
    made = person(email="sue@example.org", name="Sue Hart", roles=frozenset({Role.SUPERVISOR}))
    return portal_services.staff.add(made, PASSWORD, portal_services.clock())


@pytest.fixture
def supervisor(app: Flask, sue: Person) -> FlaskClient:
    """A supervisor who is signed in."""
    return sign_in(app.test_client(), sue.email)


@pytest.fixture
def down(portal_services: Services, sue: Person) -> Ticket:
    """A major incident."""
    moment = portal_services.clock()
    found = add(portal_services.database, subject="Mail does not work", created_at=moment)
    return portal_services.incidents.declare(sue, found.id, {"en": "Mail & more is down.", "de": "Störung."}, moment)


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("language", CODES)
def test_every_public_page_says_it(language: str, path: str, reader: FlaskClient, down: Ticket) -> None:
    """In the reader's language, or in the next best one with a label; escaped, and in a region with a heading."""
    page = reader.get(f"/{language}/{path}").text

    [banner] = re.findall(
        r'<section class="known-problems" aria-labelledby="ui-known-problems">.*?</section>', page, re.DOTALL
    )
    assert ("Störung." if language == "de" else "Mail &amp; more is down.") in banner
    assert (label(language, "en") in banner) == (language in {"fr", "ru"})
    assert ('lang="en"' in banner) == (language in {"fr", "ru"})


def test_nothing_is_said_while_there_is_nothing(reader: FlaskClient, portal_services: Services, sue: Person) -> None:
    """No empty box; gone again when it ends."""
    before = reader.get("/en/").text
    moment = portal_services.clock()
    found = portal_services.incidents.declare(sue, add(portal_services.database).id, {"en": "Mail."}, moment)
    during = reader.get("/en/").text
    portal_services.incidents.end(sue, found.id, moment)

    assert ["known-problems" in text for text in (before, during, reader.get("/en/").text)] == [False, True, False]


@pytest.mark.parametrize("path", ["/en/", "/en/topics/accounts", "/en/articles/reset-password"])
def test_a_kept_copy_is_not_used_when_it_says_something_else(
    path: str, reader: FlaskClient, portal_services: Services, sue: Person, down: Ticket
) -> None:
    """Declared, changed and ended each make another edition of the page; in between the copy is good."""
    seen = []

    def look() -> None:
        answer = reader.get(path)
        again = reader.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        seen.append(answer.headers["ETag"])

    moment = portal_services.clock()
    look()
    portal_services.incidents.change_texts(sue, down.id, {"en": "Mail is slow."}, moment)
    look()
    portal_services.incidents.show(sue, down.id, moment, is_shown=False)
    look()
    portal_services.incidents.show(sue, down.id, moment, is_shown=True)
    look()
    portal_services.incidents.end(sue, down.id, moment)
    look()

    # Hidden or ended, the page is the same; shown again, it is that of before to who reads it.
    assert len(set(seen[:3])) == 3
    assert seen[4] == seen[2]
    assert seen[3] != seen[2]


def test_who_asks_may_say_that_it_is_about_it(reader: FlaskClient, database: Database, down: Ticket) -> None:
    """A tick links the request; what is no number, or no incident that is shown, does not."""
    form = reader.get("/en/requests/new").text
    sent = {"name": "Anna", "email": "anna@example.org", "description": "zzz", "suggested": "1"}

    for ticked, expected in ((str(down.id), down.id), ("x", None), ("999999", None)):
        stamp = hidden(reader.get("/en/requests/new").text, "stamp")
        data = sent | {"description": f"zzz {ticked}", "incident": ticked, "stamp": stamp}
        assert reader.post("/en/requests/new", data=data).status_code == 303
        with database.read() as connection:
            newest = store.recent(connection, "en", 1)[0]
        assert newest.incident_id == expected
    assert f'name="incident" value="{down.id}"' in form


def test_an_incident_is_declared_changed_hidden_and_ended(
    supervisor: FlaskClient, database: Database, portal_services: Services
) -> None:
    """With the buttons of its page."""
    found = add(database)
    page, path = at(found), f"{at(found)}/incident"

    def shown() -> list[str]:
        return [banner.text for banner in portal_services.incidents.banner("en")]

    assert post(supervisor, path, page, do="declare", banner_en="Down.", banner_fr="En panne.").status_code == 303
    declared = shown()
    assert post(supervisor, path, page, do="change", banner_en="Slow.", incident_version="1").status_code == 303
    changed = shown()
    stale = post(supervisor, path, page, do="change", banner_en="Late.", incident_version="1")
    assert post(supervisor, path, page, do="hide").status_code == 303
    gone = shown()
    assert post(supervisor, path, page, do="show").status_code == 303
    assert post(supervisor, path, page, do="end").status_code == 303

    assert (declared, changed, gone, shown()) == (["Down."], ["Slow."], [], [])
    assert stale.status_code == 409
    assert not get(database, found).is_major
    assert "Major incident that has ended" in supervisor.get(page).text
    assert post(supervisor, path, page, do="dance").status_code == 404


def test_a_text_in_the_first_language_is_needed(supervisor: FlaskClient, database: Database) -> None:
    """What was typed in the others is kept."""
    found = add(database)

    answer = post(supervisor, f"{at(found)}/incident", at(found), do="declare", banner_de="Störung <b>")

    assert answer.status_code == 400
    assert "first language" in answer.text
    assert "Störung &lt;b&gt;" in answer.text
    assert 'href="#ui-banner_en"' in answer.text


def test_an_agent_links_but_does_not_declare(agent: FlaskClient, database: Database, down: Ticket) -> None:
    """The page does not offer it, and the address does not do it."""
    one = add(database)
    page = agent.get(at(one)).text
    assert "Declare a major incident" not in page
    assert post(agent, f"{at(one)}/incident", at(one), do="declare", banner_en="x").status_code == 403
    assert post(agent, f"{at(down)}/incident/tell", at(down), do="tell", message_en="x").status_code == 403

    linked = post(agent, f"{at(one)}/incident/join", at(one), incident=down.id, do="link")

    assert linked.status_code == 303
    assert get(database, one).incident_id == down.id
    assert f'href="{at(down)}"' in agent.get(at(one)).text
    parted = post(agent, f"{at(one)}/incident/join", at(one), incident=down.id, do="unlink")
    assert parted.status_code == 303
    assert get(database, one).incident_id is None


def test_linking_says_what_is_wrong(agent: FlaskClient, database: Database, down: Ticket) -> None:
    """Nothing ticked, nothing chosen, no such incident, what has ended."""
    one, closed = add(database), add(database, status=Status.CLOSED)

    assert post(agent, f"{at(down)}/incident/link", at(down), do="link").status_code == 400
    assert post(agent, f"{at(one)}/incident/join", at(one), do="link", incident="").status_code == 400
    assert post(agent, f"{at(one)}/incident/join", at(one), do="link", incident="999999").status_code == 404
    assert post(agent, f"{at(down)}/incident/link", at(down), do="link", affected=closed.id).status_code == 409
    assert post(agent, f"{at(down)}/incident/link", at(down), do="dance", affected=one.id).status_code == 404


def test_likely_requests_are_offered(
    supervisor: FlaskClient, database: Database, portal_services: Services, down: Ticket
) -> None:
    """Those of the last day that say much the same, and no others; ticked ones are linked at once."""
    moment = portal_services.clock()
    alike = [add(database, subject="Mail does not work here", created_at=moment) for _ in range(5)]
    other = add(database, subject="Stapler is empty", created_at=moment)
    add(database, subject="Mail does not work", created_at=moment - timedelta(days=2))

    page = supervisor.get(at(down)).text
    offered = {int(number) for number in re.findall(r'name="affected" value="(\d+)"', page)}
    sent = {"do": "link", "affected": [each.id for each in alike]}
    assert post(supervisor, f"{at(down)}/incident/link", at(down), **sent).status_code == 303

    assert offered == {each.id for each in alike}
    assert {get(database, each).incident_id for each in alike} == {down.id}
    assert get(database, other).incident_id is None
    assert "It affects 5 requests." in supervisor.get(at(down)).text


@pytest.mark.parametrize(("do", "action"), [("tell", Action.REPLY), ("solve", Action.SOLVE)])
def test_everybody_is_written_to_once(
    do: str,
    action: Action,
    supervisor: FlaskClient,
    database: Database,
    portal_services: Services,
    sue: Person,
    down: Ticket,
) -> None:
    """The page says how many; the same form sent twice writes once."""
    one = add(database, language="ru")
    portal_services.incidents.link(sue, down.id, [one.id], portal_services.clock())
    page = supervisor.get(at(down)).text
    stamp = re.findall(r'name="stamp" value="([^"]+)"', page)[-1]
    sent = {"do": do, "message_en": "It works again.", "message_ru": "Работает.", "stamp": stamp}

    first = post(supervisor, f"{at(down)}/incident/tell", at(down), **sent)
    second = post(supervisor, f"{at(down)}/incident/tell", at(down), **sent)

    assert "Sent to 2 requesters." in first.text
    assert "Sent to 0 requesters." in second.text
    assert len(mails(database)) == 2
    event = history(database, one)[-1]
    assert (event.action, event.text) == (action, "Работает.")


def test_writing_to_everybody_needs_a_text_and_a_form(
    supervisor: FlaskClient, database: Database, down: Ticket
) -> None:
    """What was typed comes back."""
    page = supervisor.get(at(down)).text
    stamp = re.findall(r'name="stamp" value="([^"]+)"', page)[-1]

    empty = post(supervisor, f"{at(down)}/incident/tell", at(down), do="tell", message_fr="Ça marche.", stamp=stamp)
    forged = post(supervisor, f"{at(down)}/incident/tell", at(down), do="tell", message_en="Kept.", stamp="x")

    assert (empty.status_code, forged.status_code) == (400, 400)
    assert "Ça marche." in empty.text
    assert "Kept." in forged.text
    assert mails(database) == []


@pytest.mark.parametrize("language", CODES)
def test_the_lists_are_shown(
    language: str, supervisor: FlaskClient, portal_services: Services, sue: Person, down: Ticket
) -> None:
    """Now and ended, in each language; escaped."""
    moment = portal_services.clock()
    other = portal_services.incidents.declare(
        sue, add(portal_services.database, subject=HOSTILE).id, {"en": HOSTILE}, moment
    )
    portal_services.incidents.end(sue, other.id, moment)

    page = supervisor.get(f"/{language}/desk/incidents").text

    assert page.count("<tbody>") == 2
    assert HOSTILE not in page
    assert f'href="{at(down, language)}#ui-incident"' in page
