"""Finding tickets: by number, address, name, and by their words in all four languages."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime

from sqlalchemy import select

from portal.edition import Editions
from portal.errors import SearchUnavailable
from portal.locales import CODES
from portal.search.analyzers import Split, fold, words
from portal.storage import Database, queue
from portal.storage import ticket_search as store
from portal.storage.schema import tickets

#: Longest query that is read, in characters, and most of its words.
QUERY_LENGTH, MOST_WORDS = 200, 20
#: Most terms that are kept of a ticket.
MOST_TERMS = 20_000
#: Tickets whose words are kept in one transaction: nobody waits long for it.
SHARE = 50

#: The terms of each word of a text in a language: the whole first, then its parts.
Analyse = Callable[[str, str], Iterable[tuple[str, ...]]]

_NUMBER = re.compile(r"(#|№|no\.?|nr\.?|n°)?\s*(\d{1,9})", re.IGNORECASE)


def analysis(editions: Editions) -> Analyse:
    """Words as the search of the articles knows them, with German compounds taken apart where there is an index."""

    def analyse(language: str, text: str) -> Iterable[tuple[str, ...]]:
        split: Split | None = None
        with suppress(SearchUnavailable):  # Words are found as a whole then.
            split = editions.current().index.split(language)
        return (word.terms for word in words(language, text, split))

    return analyse


def plain(language: str, text: str) -> Iterable[tuple[str, ...]]:
    """Words without the parts of compounds."""
    return (word.terms for word in words(language, text))


def number_in(text: str) -> tuple[int, bool] | None:
    """The number of a ticket that a query is, and whether it says so, as “#12” does; None where it is none."""
    found = _NUMBER.fullmatch(text.strip())
    return (int(found[2]), bool(found[1])) if found and found[2].isascii() else None


class Finding:
    """The search of the desk.

    Args:
        database: where the tickets are.
        analyse: takes texts and queries apart; the same for both.
    """

    def __init__(self, database: Database, analyse: Analyse = plain) -> None:
        self._database = database
        self._analyse = analyse

    def index(self, now: datetime, limit: int = 500) -> int:  # noqa: ARG002 - as every part of a round is called.
        """Read the words of tickets that have changed; how many.

        Args:
            now: aware, UTC.
            limit: how many at most.
        """
        with self._database.read() as connection:
            found = store.stale(connection, limit)
        kept = 0
        for start in range(0, len(found), SHARE):
            read = [(each, self._terms(each)) for each in found[start : start + SHARE]]
            with self._database.write() as connection:
                kept += sum(store.keep(connection, each.id, each.version, terms) for each, terms in read)
        return kept

    def _terms(self, ticket: store.Stale) -> list[str]:
        """The terms of a ticket in its language."""
        return [term for word in self._analyse(ticket.language, ticket.text) for term in word][:MOST_TERMS]

    def find(self, query: str, wanted: queue.Wanted, limit: int = 100) -> list[int]:
        """Numbers of the tickets of a filter that a query is about, best first.

        First the ticket of that number, then those of the requester with just this address or name, then the rest as
        the database ranks them; among equals the newest. A ticket must have every word of the query, as one of the
        four languages reads it.

        Args:
            query: any text.
            wanted: where to look.
            limit: how many at most.
        """
        query = " ".join(query[:QUERY_LENGTH].replace("\0", " ").split())
        asked = list(dict.fromkeys(filter(None, (self._words(code, query) for code in CODES))))
        narrowed = queue.conditions(wanted)
        with self._database.read() as connection:
            first: list[int] = []
            if (number := number_in(query)) is not None:
                same = select(tickets.c.id).where(tickets.c.id == number[0], *narrowed)
                first = list(connection.execute(same).scalars())
            found = store.matches(connection, asked, narrowed) if asked else []
        name = fold(query)
        exact = {each.id for each in found if name in {fold(each.requester_name), fold(each.requester_email)}}
        ranked = sorted(found, key=lambda each: (each.id not in exact, -each.score, -each.id))
        return list(dict.fromkeys([*first, *(each.id for each in ranked)]))[:limit]

    def _words(self, language: str, query: str) -> tuple[store.Word, ...]:
        """The words of a query in a language: each as a whole, or else all of its parts; of addresses only the whole."""
        read = [terms for terms in self._analyse(language, query) if terms][:MOST_WORDS]
        return tuple(
            (terms[:1], terms[1:]) if len(terms) > 1 and "@" not in terms[0] else (terms[:1],) for terms in read
        )
