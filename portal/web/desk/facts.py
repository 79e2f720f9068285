"""What the desk shows beside a ticket's conversation: how it was asked, what is like it, who waits, what was mailed."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import Connection

from portal.chains import Kind as Did
from portal.chains import SearchEvent
from portal.edition import Edition
from portal.errors import NotFound, SearchUnavailable
from portal.likeness import kin, similar
from portal.storage import claims, gaps, outbox, ratings, searches, subscriptions
from portal.storage import tickets as store
from portal.storage.outbox import Posted
from portal.storage.ratings import Rating
from portal.tickets import GAPS, PROVEN, Action, Event, Kind, Ticket, gap_impact

#: Among how many tickets like ones are looked for; the newest.
LOOKED_THROUGH = 500
#: Searches of a gap of which it is shown what people did next.
FOLLOWED = 10

CODE = {
    "U0": _l("No article in any language answered it."),
    "U1": _l("Only an article in another language answers it."),
    "U2": _l("It was not sure whether the results answer it, and people opened none or searched again."),
    "U3": _l("There were results, but people opened none and searched again in other words."),
}
# Translators: what a mail to a requester was about.
MAIL_ABOUT = {
    "received": _lp("mail", "Confirmation"),
    "event": _lp("mail", "Reply"),
    "told": _lp("mail", "Article that may help"),
    "link": _lp("mail", "Private link"),
    "supplier": _lp("mail", "To a supplier"),
    "survey": _lp("mail", "Survey"),
}
# Translators: state of a mail to a requester.
MAIL = {
    "waiting": _lp("mail", "Waiting"),
    "sent": _lp("mail", "Sent"),
    "failed": _lp("mail", "Not delivered"),
    "bounced": _lp("mail", "Came back"),
}
ALSO_ASKED = {
    "en": _l("Also asked in English"),
    "fr": _l("Also asked in French"),
    "de": _l("Also asked in German"),
    "ru": _l("Also asked in Russian"),
}


@dataclass(frozen=True)
class Shown:
    """An article as it was shown to somebody who searched."""

    slug: str
    language: str
    title: str
    #: Beginning of the fingerprint of its text then.
    revision: str
    #: Whether it reads otherwise now, or is gone.
    is_changed: bool


@dataclass(frozen=True)
class Facts:
    """What is known of a ticket besides what was said."""

    impact: int = 1
    occurrences: list[Any] = field(default_factory=list)
    #: What was put right when it was asked first: how, and what was searched for instead.
    repairs: list[tuple[str, str]] = field(default_factory=list)
    #: What was shown then, by rank.
    results: list[Shown] = field(default_factory=list)
    #: The newest searches with what people did next, where they did anything: event and title.
    followed: list[tuple[SearchEvent, list[tuple[SearchEvent, str]]]] = field(default_factory=list)
    similar: list[tuple[Ticket, float]] = field(default_factory=list)
    kin: list[Ticket] = field(default_factory=list)
    #: Who writes about it; empty where nobody does.
    writer: str = ""
    #: How many wait to be told.
    subscribers: int = 0
    #: The article that answers it, or whose translation would: slug and title.
    article: tuple[str, str] | None = None
    #: The gap that a request's search had opened.
    linked: Ticket | None = None
    follows: Ticket | None = None
    rating: Rating | None = None
    mails: list[Posted] = field(default_factory=list)


def of_ticket(connection: Connection, ticket: Ticket, history: list[Event], edition: Edition | None) -> Facts:
    """The facts of a ticket.

    Args:
        connection: of a transaction that reads.
        ticket: any.
        history: its events.
        edition: what readers see now; None while nothing can be searched, which leaves some facts out.
    """
    if ticket.kind in GAPS:
        return _of_gap(connection, ticket, history, edition)
    return Facts(
        similar=_similar(connection, ticket, edition),
        linked=_other(connection, ticket.gap_id),
        follows=_other(connection, ticket.follows_id),
        rating=ratings.of_ticket(connection, ticket.id),
        mails=outbox.of_ticket(connection, ticket.id),
    )


def _of_gap(connection: Connection, gap: Ticket, history: list[Event], edition: Edition | None) -> Facts:
    """The facts of a gap."""
    opened = next((event.details for event in history if event.action is Action.OPENED), {})
    wanted = gap.slug if gap.kind is Kind.TRANSLATION or gap.resolution in PROVEN else ""
    alike: list[Ticket] = []
    if edition is not None and gap.query:
        with suppress(SearchUnavailable):  # Whoever searches is told; the ticket is shown all the same.
            alike = kin(edition, gap, store.recent(connection, limit=LOOKED_THROUGH))
    claim = claims.of(connection, [gap.id]).get(gap.id)
    return Facts(
        writer=claim.name if claim else "",
        impact=gap_impact(gap.occurrences),
        occurrences=gaps.occurrences(connection, gap.id),
        repairs=[(how, text) for how, text in _pairs(opened.get("repairs", ""), 2)],
        results=[_shown(edition, *found) for found in _pairs(opened.get("results", ""), 3)],
        followed=_followed(connection, gap, edition),
        similar=_similar(connection, gap, edition),
        kin=alike,
        subscribers=subscriptions.count(connection, gap.id),
        article=(wanted, _title(edition, gap.language, wanted)) if wanted else None,
    )


def _pairs(text: str, size: int) -> list[list[str]]:
    """Rows of so many texts from the JSON in a history; none from anything else."""
    try:
        rows = json.loads(text or "[]")
    except ValueError:
        return []
    return [row for row in rows if isinstance(row, list) and len(row) == size and all(isinstance(v, str) for v in row)]


def _title(edition: Edition | None, language: str, slug: str) -> str:
    """An article's title for readers of a language; its slug where it is gone."""
    found = edition.knowledge.choose(language, slug) if edition else None
    return found.article.title if found else slug


def _shown(edition: Edition | None, slug: str, language: str, revision: str) -> Shown:
    """An article that was among the results."""
    now = edition.knowledge.articles.get((language, slug)) if edition else None
    changed = edition is not None and (now is None or now.fingerprint != revision)
    return Shown(slug, language, _title(edition, language, slug), revision[:8], changed)


def _similar(connection: Connection, ticket: Ticket, edition: Edition | None) -> list[tuple[Ticket, float]]:
    """The tickets in the same language that ask much the same."""
    others = [
        each for each in store.questions(connection, ticket.language, LOOKED_THROUGH)
        if each.id not in {ticket.id, ticket.gap_id}
    ]  # fmt: skip
    try:
        split = edition.index.split(ticket.language) if edition else None
    except SearchUnavailable:
        split = None
    alike = similar(ticket.language, ticket.query or ticket.subject, others, split)
    return [(store.get(connection, each.id), share) for each, share in alike]


def _followed(
    connection: Connection, gap: Ticket, edition: Edition | None
) -> list[tuple[SearchEvent, list[tuple[SearchEvent, str]]]]:
    """What people did after they had searched, newest first."""
    rows: list[tuple[SearchEvent, list[tuple[SearchEvent, str]]]] = []
    for is_search, events in groupby(searches.of_gap(connection, gap.id), lambda event: event.kind is Did.SEARCH):
        if is_search:
            rows += [(event, []) for event in events]
        elif rows:
            rows[-1][1].extend((event, _title(edition, event.language, event.slug)) for event in events)
    return [row for row in rows if row[1]][:FOLLOWED]


def _other(connection: Connection, number: int | None) -> Ticket | None:
    """Another ticket; None where there is none."""
    try:
        return store.get(connection, number) if number else None
    except NotFound:
        return None
