"""Everything that is kept of one person: told, and forgotten without a trace."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from portal import chains, retention
from portal.announcements import About
from portal.daily.tickets import count_tickets
from portal.errors import InvalidInput
from portal.sending import Sending
from portal.services import Services
from portal.storage import Database, announcing
from portal.storage import schema as s
from portal.storage import tickets as ticket_store
from portal.tickets import Kind, Status
from tests.builders import NOW, ticket
from tests.forgetting import dump, happened, keep, posted, put, request, rows
from tests.hooking import events, happen, hook


def person_everywhere(database: Database) -> tuple[int, int]:
    """Zoé Dupont in every table that can hold her, beside others; her requests' numbers."""
    closed = request(database, status=Status.CLOSED, closed_at=NOW)
    waiting = request(database, status=Status.OPEN, requester_email="Zoe@example.org", requester_name="Zoé M. Dupont")
    for number in (closed, waiting):
        put(database, s.ratings, ticket_id=number, stars=4, comment="zoé dupont says thanks", at=NOW)
        put(database, s.links, token_hash=f"{number:064x}", ticket_id=number, created_at=NOW)
        posted(database, f"r{number}", ticket_id=number, recipient="zoe@example.org", recipient_name="Zoé Dupont",
               state="waiting", text="Zoé Dupont https://…/token", html="<p>Zoé Dupont")  # fmt: skip
    gap = put(
        database,
        s.tickets,
        **ticket_store._row(ticket(kind=Kind.GAP, subject="konto zoé dupont", query="zoé dupont")),
    )
    put(database, s.subscriptions, gap_id=gap, email="zoe@example.org", language="fr", token_hash="t", created_at=NOW)
    posted(
        database,
        "confirm",
        recipient="ZOE@example.org",
        subject="zoé dupont",
        state="failed",
        fault="<zoe@example.org> no",
    )
    put(database, s.link_requests, number=closed, email="zoe@example.org", language="fr", at=NOW)
    other = request(
        database, requester_name="Ben Roth", requester_email="ben@example.org", subject="Ben’s", resolution_text="",
        description="My colleague ZOÉ DUPONT (zoe@example.org) has it too", query="", trail=(),
    )  # fmt: skip
    posted(database, "ben", ticket_id=other, recipient="ben@example.org", recipient_name="Ben Roth")
    keep(
        database,
        [(happened(NOW, chains.Kind.SEARCH, query="Zoé Dupont vpn", repairs=(("spelling", "zoé dupont"),)), None)],
    )
    put(database, s.occurrences, ticket_id=gap, day=NOW.date(), language="fr", query="zoé dupont", times=1)
    doubt = {"session_hash": "h", "at": NOW, "code": "U2", "language": "fr", "topic": ""}
    put(database, s.doubts, fingerprint="f", query="zoé dupont", **doubt)
    last = {"times": 1, "last_day": NOW.date()}
    put(database, s.wordings, language="fr", failed="zoé dupont", slug="vpn", found_by="vpn", **last)
    put(database, s.needs_change, slug="vpn", language="fr", revision="r", query="zoé dupont", **last)
    put(database, s.frequent_queries, language="fr", key="zoé dupont", text="Zoé Dupont", is_answered=True, **last)
    vote = {"slug": "vpn", "language": "fr", "voter_hash": "v", "is_helpful": False, "revision": "r", "at": NOW}
    put(database, s.votes, reason="other", comment="ask zoe@example.org", **vote)
    hook(database)
    with database.write() as connection:
        announcing.announce(connection, About.GAP_OPENED, "1", "fr", {"ticket": {"query": "Zoé Dupont vpn"}}, NOW)
    return closed, waiting


NEEDLES = re.compile(r"zo[eé]@|zoé|dupont|\\\\u00e9")


def test_an_erased_person_leaves_no_trace(database: Database) -> None:
    """No text of any table has their address or name; others keep theirs."""
    closed, waiting = person_everywhere(database)
    before = rows(database)

    promised = retention.erase(database, "zoe@example.org", NOW, dry_run=True)
    untouched = rows(database)
    done = retention.erase(database, " Zoe@Example.org ", NOW)
    after = dump(database)

    assert untouched == before
    assert promised == done
    assert (done["requests"], done["subscriptions"], done["link_requests"], done["mails"]) == (2, 1, 1, 1)
    assert NEEDLES.findall(after) == []
    assert "ben roth" in after
    assert "ben@example.org" in after
    with database.read() as connection:
        assert {ticket_store.get(connection, number).status for number in (closed, waiting)} == {Status.CLOSED}
    assert set(retention.erase(database, "zoe@example.org", NOW).values()) == {0}


def test_an_export_has_everything_of_one_person_and_nothing_of_others(database: Database) -> None:
    """Requests with their histories, ratings, subscriptions, links that were asked for, mails; no secrets."""
    closed, waiting = person_everywhere(database)

    told = retention.export(database, "zoe@example.org")
    text = json.dumps(told, ensure_ascii=False, default=str)

    assert {item["id"] for item in told["requests"]} == {closed, waiting}
    assert {len(told[name]) for name in ("requests", "ratings")} == {2}
    assert {len(told[name]) for name in ("subscriptions", "link_requests")} == {1}
    assert len(told["mails"]) == 3
    for words in ("I am Zoé Dupont", "01 23 45 67 89", "zoé dupont drucker", "Dear Zoé Dupont", "says thanks"):
        assert words in text
    for others in ("Ben", "ben@", "token_hash", "colleague"):
        assert others not in text
    nobody = retention.export(database, "nobody@example.org")
    assert nobody.pop("email") == "nobody@example.org"
    assert set(nobody) == set(told) - {"email"}
    assert all(kept == [] for kept in nobody.values())


@pytest.mark.parametrize("use", [retention.export, lambda database, email: retention.erase(database, email, NOW)])
@pytest.mark.parametrize("email", ["", "%", "a@b", "x" * 300 + "@example.org"])
def test_what_is_no_address_is_refused(email: str, use: Callable[..., Any], database: Database) -> None:
    """Nothing is read and nothing forgotten."""
    with pytest.raises(InvalidInput):
        use(database, email)


def test_a_single_name_erases_nobody_elses_words(database: Database) -> None:
    """Somebody called May does not take the month from others; their own request forgets it."""
    number = request(database, requester_name="May", requester_email="may@example.org", subject="x", query="", trail=())
    other = request(database, requester_name="Ben Roth", requester_email="ben@example.org", description="Since May")

    retention.erase(database, "may@example.org", NOW)

    with database.read() as connection:
        assert ticket_store.get(connection, number).requester_name == ""
        assert ticket_store.get(connection, other).description == "Since May"


def test_what_other_systems_were_told_names_nobody_any_more(database: Database) -> None:
    """Also names with what JSON escapes; the rest of a message stays, and it can be sent again."""
    request(database, requester_name='ZOÉ "Zo\\o" Dupont', subject="x", query="", trail=())
    hook(database)
    happen(database, 'wlan zoé "zo\\o" dupont', "Zoe@Example.org vpn", 'say "hello"')

    done = retention.erase(database, "zoe@example.org", NOW)

    said = [told["ticket"] for _, told in events(database)]
    assert [each["number"] for each in said] == ["wlan [erased]", "[erased] vpn", 'say "hello"']
    assert {each["url"] for each in said} == {"/x"}
    assert done["mentions"] == 2
    assert set(retention.erase(database, "zoe@example.org", NOW).values()) == {0}


def test_what_a_day_came_to_does_not_change_when_somebody_is_forgotten(portal_services: Services) -> None:
    """Who sent a request and whether they had opened an article is counted all the same, and by the same topic."""
    database, now = portal_services.database, portal_services.clock()
    at = (now - timedelta(minutes=5)).isoformat()
    item = {"kind": "article", "text": "Mail", "language": "en", "slug": "mail", "at": at}
    for name, trail in (("zoe", (item,)), ("ben", ())):
        sent = Sending(name, f"{name}@example.org", "", "It does not work.", "en", trail=trail, topic="mail")
        portal_services.requests.receive(sent, name, now, stems=[])

    def counted() -> set[tuple[str, str, int]]:
        with database.read() as connection:
            found = count_tickets(connection, now.date()).values()
        return {(key.measure, key.topic, value) for each in found for key, value in each.facts.items() if value}

    before = counted()
    retention.erase(database, "zoe@example.org", now)
    retention.erase(database, "ben@example.org", now)

    assert before == {("requests", "mail", 2), ("requesters", "", 2), ("requests.after_reading", "mail", 1)}
    assert counted() == before | {("requests.closed", "mail", 2)}
    assert [row["trail"] for row in rows(database)["tickets"]] == [[], []]
