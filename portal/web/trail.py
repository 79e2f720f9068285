"""The trail: what a requester has tried, shown before it is sent, and sent exactly as it was shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from flask import request
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import MultiDict

from portal.chains import Kind, SearchEvent
from portal.edition import Edition
from portal.errors import SearchUnavailable
from portal.keys import for_itsdangerous
from portal.privacy import mask
from portal.queries import Query
from portal.selfservice import answer
from portal.storage import searches
from portal.web.forms import SIGNED_WITH
from portal.web.services import services

#: How far the trail goes back.
REACH = timedelta(hours=24)
#: Most items that are shown; the newest count.
MOST = 20
#: How many of a search's results are named.
TITLES = 3
#: Longest text of an item, in characters.
LENGTH = 200
#: The field with the signed items, and the field that numbers those still ticked.
FIELD, TICKED = "trail", "attach"

Item = dict[str, str]


@dataclass(frozen=True)
class Receipt:
    """What a form says it will attach."""

    #: Each of kind (`search` or `article`), text, language, at (ISO), and slug or results where known; oldest first.
    items: tuple[Item, ...] = ()
    #: Numbers of the items that the person has left ticked.
    ticked: frozenset[int] = frozenset()

    @property
    def chosen(self) -> tuple[Item, ...]:
        """The items that are to be sent."""
        return tuple(item for number, item in enumerate(self.items) if number in self.ticked)

    @property
    def rows(self) -> list[tuple[int, Item, datetime, bool]]:
        """Number, item, time and whether it is ticked, for the page."""
        return [
            (number, item, datetime.fromisoformat(item["at"]), number in self.ticked)
            for number, item in enumerate(self.items)
        ]

    @property
    def signed(self) -> str:
        """The items as the form carries them, so that nobody can change them."""
        return str(_serializer().dumps(self.items))


def _serializer() -> URLSafeSerializer:
    """Signs items with the instance's secret."""
    return URLSafeSerializer(for_itsdangerous(services().secret), salt="portal-trail", signer_kwargs=SIGNED_WITH)


def offered(session_hash: str | None, query: Query, now: datetime) -> Receipt:
    """What a new form offers to attach, everything ticked.

    Args:
        session_hash: of the person's session; None where it is not known.
        query: the search that they come from; it may be empty.
        now: aware, UTC.
    """
    items = tuple(trail(session_hash, query, now))
    return Receipt(items, frozenset(range(len(items))))


def sent() -> Receipt | None:
    """What the form that was sent had shown, with what is still ticked; None where it was not made here."""
    fields = cast(MultiDict[str, str], request.form)
    try:
        items = tuple(_serializer().loads(fields.get(FIELD, "")))
    except BadData:
        return None
    numbers = {str(number): number for number in range(len(items))}
    return Receipt(items, frozenset(numbers[text] for text in fields.getlist(TICKED) if text in numbers))


def trail(session_hash: str | None, query: Query, now: datetime) -> list[Item]:
    """Searches and articles of a session's last day, oldest first, and the search that the person comes from.

    A search or an article that comes several times is there once, where it came last.

    Args:
        session_hash: see `offered`.
        query: see `offered`.
        now: aware, UTC.
    """
    edition = _edition()
    events: list[SearchEvent] = []
    if session_hash:
        try:
            with services().database.read() as connection:
                events = searches.of_session(connection, session_hash, now - REACH)
        except SQLAlchemyError as error:
            # The form must open whatever else does not work.
            services().faults.report("a trail could not be read", type(error).__name__)
    items: dict[tuple[str, str, str], Item] = {}
    for event in events:
        item = _item(edition, event)
        if item is not None:
            items.pop(_key(item), None)
            items[_key(item)] = item
    present = _searched(query.language, query.text, now)
    if query.text and _key(present) not in items:
        items[_key(present)] = present | _results(edition, query)
    return list(items.values())[-MOST:]


def _edition() -> Edition | None:
    """What readers see now; None while nothing can be read."""
    try:
        return services().edition
    except SearchUnavailable:
        return None


def _key(item: Item) -> tuple[str, str, str]:
    """What makes two items the same."""
    return item["kind"], item["language"], item.get("slug") or item["text"]


def _searched(language: str, text: str, at: datetime) -> Item:
    """A search, without what it found."""
    return {"kind": "search", "text": mask(text)[:LENGTH], "language": language, "at": at.isoformat()}


def _item(edition: Edition | None, event: SearchEvent) -> Item | None:
    """What a requester is shown of an event; None for what is nothing that they tried."""
    if event.kind is Kind.SEARCH and event.query:
        found = [_title(edition, language, slug) for slug, language, _revision in event.results]
        return _searched(event.language, event.query, event.at) | _named(found)
    if event.kind in {Kind.OPEN, Kind.READ} and event.slug:
        title = mask(_title(edition, event.language, event.slug))[:LENGTH]
        at = event.at.isoformat()
        return {"kind": "article", "text": title, "language": event.language, "at": at, "slug": event.slug}
    return None


def _title(edition: Edition | None, language: str, slug: str) -> str:
    """An article's title; its slug where it has gone."""
    item = edition.knowledge.articles.get((language, slug)) if edition else None
    return item.article.title if item else slug


def _named(titles: list[str]) -> Item:
    """The first titles as one text; nothing without any."""
    return {"results": mask(" · ".join(titles[:TITLES]))[:LENGTH]} if titles else {}


def _results(edition: Edition | None, query: Query) -> Item:
    """What a search finds at present."""
    if edition is None:
        return {}
    try:
        found = answer(edition, query)
    except SearchUnavailable:
        return {}
    return _named([result.item.article.title for result in found.results])
