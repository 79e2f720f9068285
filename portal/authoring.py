"""From a ticket to an article: begun with what solved a request, planned, and proven once it is published."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from portal.catalogues import catalogue
from portal.closing import prove, query_of, read_slug
from portal.desk.acting import act
from portal.drafts import draft as draft_of
from portal.drafts import file_name
from portal.edition import Edition
from portal.errors import InvalidInput, NotAllowed, NotProven, SearchUnavailable, StaleTicket
from portal.front_matter import TITLE_LENGTH
from portal.histories import standing
from portal.library import PLACEHOLDER
from portal.lifecycle import SOLVING
from portal.people import Person, Right, may
from portal.privacy import mask, without_masks
from portal.queries import MAX_CHARACTERS
from portal.storage import Database
from portal.storage import tickets as store
from portal.tickets import PROVEN, Action, Actor, Event, Kind, Resolution, Ticket

#: Kinds of ticket that an article can be planned for; of a missing translation the article is known.
PLANNED_FOR = frozenset({Kind.REQUEST, Kind.GAP})
#: Most searches that a draft is to answer.
ANSWERS = 8
#: Topic of a draft where the portal has none yet.
NO_TOPIC = "other"
#: Title of a draft whose request has no subject that could be shown.
UNTITLED = "…"
#: Shortest part of a name that is looked for in a text, in letters.
_NAME_PART = 3
_CYRILLIC = re.compile("[А-Яа-яЁё]+")
#: Endings by which Russian names are declined.
_ENDING = re.compile("[аеёийоуыэюяь]$")
_GREETING = re.compile(
    r"(?:hello|hi|dear|good (?:morning|afternoon|evening)|bonjour|bonsoir|ch[eè]re?s?|madame|monsieur|guten (?:tag|morgen|abend)"
    r"|hallo|liebe[rs]?|sehr geehrte[rs]?|здравствуйте|добрый (?:день|вечер)|доброе утро|уважаем\w*)\b.{0,80}[,!.]",
    re.IGNORECASE,
)
_FAREWELL = re.compile(
    r"(?:(?:kind|best|warm) regards|regards|yours|sincerely|best wishes|cordialement|bien (?:à vous|cordialement)|salutations"
    r"|mit (?:freundlichen|besten) grüßen|(?:viele|beste|freundliche|liebe) grüße|с уважением|всего доброго)\b.{0,60}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Planned:
    """The article that is to answer a ticket, as it stands."""

    #: Empty while none is planned.
    slug: str
    #: In the ticket's language or the next best; the slug where there is none.
    title: str = ""
    #: Of the title; empty where there is none.
    language: str = ""
    #: Whether it is there in the ticket's language, and its day then.
    is_published: bool = False
    updated: date | None = None
    #: At which the ticket's own search finds it, from 1; None where it does not, or there was no search.
    rank: int | None = None
    has_query: bool = False


def state(edition: Edition, ticket: Ticket) -> Planned:
    """How the article stands that is planned for a ticket; where nothing can be searched, without its rank."""
    slug = edition.knowledge.aliases.get(ticket.slug, ticket.slug)
    item = edition.knowledge.choose(ticket.language, slug) if slug else None
    if item is None:
        return Planned(slug, slug)
    is_published = item.article.language == ticket.language
    has_query = bool(query_of(ticket).text)
    rank = None
    if is_published and has_query:
        try:
            rank = prove(edition, ticket, slug).rank
        except SearchUnavailable:
            has_query = False
    updated = item.article.updated if is_published else None
    return Planned(slug, item.article.title, item.article.language, is_published, updated, rank, has_query)


def check(edition: Edition, ticket: Ticket, typed: str) -> tuple[str, int | None]:
    """The article that is said to answer a request, and the rank at which the request's own search finds it.

    Args:
        edition: what readers see now.
        ticket: a request; without a search of its own it is enough that the article is there in its language.
        typed: slug or address.

    Raises:
        InvalidInput: `slug` is `missing` or `invalid`.
        NotProven: there is no such article in the request's language, or its search does not find it.
        SearchUnavailable: the index is missing or broken.
    """
    slug = read_slug(typed)
    if not slug:
        raise InvalidInput("slug", "invalid" if typed.strip() else "missing")
    slug = edition.knowledge.aliases.get(slug, slug)
    if (ticket.language, slug) not in edition.knowledge.articles:
        raise NotProven(None, slug)
    if not query_of(ticket).text:
        return slug, None
    proof = prove(edition, ticket, slug)
    if not proof.is_given:
        raise NotProven(proof.rank, slug)
    return slug, proof.rank


class Authoring:
    """Plans articles for tickets.

    Args:
        database: where the tickets are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, person: Person, number: int, typed: str, now: datetime, version: int | None = None) -> Ticket:
        """Note which article is to answer a ticket, or that none is.

        Args:
            person: who does it.
            number: of the ticket.
            typed: slug or address, whether there is such an article or not; empty for none.
            now: aware, UTC.
            version: the ticket's when the person looked at it; None where what has happened since does not matter.

        Raises:
            NotAllowed: the person may not work on tickets.
            NotFound: there is no such ticket.
            StaleTicket: somebody has changed it since.
            InvalidInput: `planned` is `invalid`, or the ticket is of another kind.
        """
        if not may(person, Right.WORK_TICKETS):
            raise NotAllowed("this role does not work on tickets")
        slug = read_slug(typed)
        if not slug and typed.strip():
            raise InvalidInput("planned", "invalid")
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            if ticket.kind not in PLANNED_FOR:
                raise InvalidInput("planned", "invalid")
            if slug == ticket.slug:
                return ticket
            if version is not None and version != ticket.version:
                raise StaleTicket(f"ticket {number} has changed")
            actor, text = Actor(person.id, person.name), slug or ticket.slug
            details = {"article": slug or "none"}
            changed, _ = act(
                connection, ticket, Action.NOTE, now, actor, text=text, changes={"slug": slug}, details=details
            )
            return changed

    def prepare(
        self,
        edition: Edition | None,
        person: Person,
        number: int,
        resolution: Resolution | None,
        typed: str,
        now: datetime,
        version: int | None = None,
    ) -> int | None:
        """Before a request is solved by an article: make sure that the article answers it, and note which it is.

        Other ways to solve a request need no article, and gaps have a proof of their own.

        Returns:
            The version to solve it in: the one given, or the one that noting the article has made of it.

        Raises:
            NotAllowed, NotFound, StaleTicket: see `plan`.
            InvalidInput, NotProven, SearchUnavailable: see `check`.
        """
        with self._database.read() as connection:
            ticket = store.get(connection, number)
        if ticket.kind is not Kind.REQUEST or resolution not in PROVEN:
            return version
        if edition is None:
            raise SearchUnavailable("nothing can be searched")
        slug, _rank = check(edition, ticket, typed or ticket.slug)
        planned = self.plan(person, number, slug, now, version)
        return planned.version if slug != ticket.slug and version is not None else version


def draft(ticket: Ticket, events: Sequence[Event], edition: Edition, today: date) -> tuple[str, str]:
    """An article begun with what solved a request, in the requester's language and without their personal data.

    Names, addresses and numbers are left out as far as they can be told; a writer reads it before anybody else does.

    Args:
        ticket: a request.
        events: its history.
        edition: what readers see now.
        today: the day of the draft.

    Returns:
        Name of the file without its ending, and the file's text.
    """
    names = {ticket.requester_name, ticket.owner_name, *(event.actor.name for event in events)}
    title = _line(_plain(ticket.subject, names))[:TITLE_LENGTH] or _line(query_of(ticket).text)
    # Translators: stands in a file that a writer fills in.
    words = catalogue(ticket.language).gettext("Write the answer here, in the words that people search with.")
    solution = _plain(_solution(ticket, events), names)
    body = f"{PLACEHOLDER}\n\n{words}\n\n{solution}"
    shelves = edition.knowledge.shelves(ticket.language)
    known = {shelf.topic.slug for shelf in shelves}
    topic = ticket.topic if ticket.topic in known else shelves[0].topic.slug if shelves else NO_TOPIC
    text = draft_of(title or UNTITLED, topic, today, body, list(_searches(ticket, names))[:ANSWERS])
    return (ticket.slug or file_name(title)), text


def _solution(ticket: Ticket, events: Sequence[Event]) -> str:
    """What solved a request, or what was said to its requester last."""
    said = [each for each in standing(events) if each.actor.person_id is not None and each.is_public and each.text]
    solved = [each.text for each in said if each.action in SOLVING]
    replies = [each.text for each in said if each.action is Action.REPLY]
    return ticket.resolution_text or next(iter([*solved[-1:], *replies[-1:]]), "")


def _searches(ticket: Ticket, names: set[str]) -> Iterator[str]:
    """What the requester had searched for in their own language, each once."""
    tried = [item.get("text", "") for item in ticket.trail if _is_search(item, ticket.language)]
    seen = set()
    for text in (ticket.query, *reversed(tried)):
        line = _line(_plain(text, names))[:MAX_CHARACTERS].strip()
        if any(map(str.isalnum, line)) and line.casefold() not in seen:
            seen.add(line.casefold())
            yield line


def _is_search(item: dict[str, str], language: str) -> bool:
    """Whether something that was tried is a search in a language."""
    return item.get("kind") == "search" and item.get("language") == language


def _line(text: str) -> str:
    """Text as one line without signs that nobody sees."""
    seen = (sign for sign in unicodedata.normalize("NFC", text) if sign.isspace() or sign.isprintable())
    return " ".join("".join(seen).split())


def _plain(text: str, names: Iterable[str]) -> str:
    """Text without greeting and farewell, personal data and names."""
    seen = "".join(sign for sign in text if sign in "\n\t" or sign.isprintable() or sign == "\u00ad")
    lines = mask(seen).strip().split("\n")
    if _GREETING.fullmatch(lines[0].strip()):
        del lines[0]
    for number in range(max(len(lines) - 5, 1), len(lines)):
        if _FAREWELL.fullmatch(lines[number].strip()):
            del lines[number:]
            break
    plain = without_masks("\n".join(lines)).strip()
    parts = {part for name in names for part in re.findall(r"[^\W\d_]+", name) if len(part) >= _NAME_PART}
    found = "|".join(sorted(map(_declined, parts), key=len, reverse=True))
    # Of several names in a row one sign is left.
    return re.sub(rf"\b(?:{found})\b(?:[ .]+(?:{found})\b)*", "…", plain) if found else plain


def _declined(name: str) -> str:
    """A part of a name in its cases, with a capital letter: a small one makes it another word."""
    capital = name[0].upper() + name[1:]
    if _CYRILLIC.fullmatch(name) and len(name) > _NAME_PART:
        return re.escape(_ENDING.sub("", capital)) + "[а-яё]{0,3}"
    return re.escape(capital) + "(?:s|['’]s)?"
