"""Opinions: comments that say much the same stand together, in one language by their words, in others by their meaning."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from math import log
from typing import Generic, Protocol, TypeVar

from portal.edition import Edition
from portal.errors import SearchUnavailable
from portal.likeness import kin
from portal.privacy import without_masks
from portal.search.analyzers import Split, words
from portal.tickets import Kind, Status, Ticket

#: Most comments that are compared with each other: the newest.
COMPARED = 400
#: Share of the words of the shorter comment, by weight, from which two say much the same; and how many words at least.
ALIKE_FROM, WORDS_FROM = 0.5, 2
#: So many letters at the beginning of a stem say what it is about; what follows is often still an ending.
ROOT = 6
#: Groups that are compared across languages: the largest, then the newest.
ACROSS = 40
#: How much of a comment is compared across languages, in characters.
_COMPARED_LENGTH = 150


class Said(Protocol):
    """Something that somebody wrote."""

    @property
    def language(self) -> str:
        """That it is written in, most likely."""

    @property
    def comment(self) -> str:
        """The words; masked."""

    @property
    def at(self) -> datetime:
        """When."""


_Said = TypeVar("_Said", bound=Said)


@dataclass(frozen=True)
class Group(Generic[_Said]):
    """Comments that say much the same."""

    #: Newest first.
    answers: tuple[_Said, ...]

    @property
    def languages(self) -> dict[str, int]:
        """How many there are in each language, most first."""
        return dict(Counter(answer.language for answer in self.answers).most_common())

    def examples(self, most: int = 2) -> dict[str, list[_Said]]:
        """The newest ones of each language, so many at most."""
        return {code: [each for each in self.answers if each.language == code][:most] for code in self.languages}


def different(answers: Iterable[_Said], most: int) -> list[_Said]:
    """The first comments of which no two are worded alike, so many at most."""
    found: dict[str, _Said] = {}
    for each in answers:
        found.setdefault(" ".join(each.comment.casefold().split()), each)
    return list(found.values())[:most]


def grouped(answers: Iterable[_Said], edition: Edition | None = None) -> list[Group[_Said]]:
    """The comments that more than one person has made, largest group first, then newest.

    Args:
        answers: newest first; those without a comment are left out.
        edition: whose words lead from one language to another; None: languages are not compared.
    """
    told = [each for each in answers if each.comment.strip()][:COMPARED]
    groups = [
        Group(tuple(members))
        for code in dict.fromkeys(each.language for each in told)
        for members in _alike([each for each in told if each.language == code], _split(edition, code))
    ]
    groups.sort(key=_order)
    if edition is not None:
        groups = _joined(groups, edition)
    return [group for group in groups if len(group.answers) > 1]


def _order(group: Group[_Said]) -> tuple[int, float]:
    """Largest first, then newest."""
    return -len(group.answers), -group.answers[0].at.timestamp()


def _split(edition: Edition | None, code: str) -> Split | None:
    """What takes the compounds of a language apart; None where it is not known."""
    try:
        return edition.index.split(code) if edition else None
    except SearchUnavailable:
        return None


def _alike(answers: Sequence[_Said], split: Split | None) -> Iterator[list[_Said]]:
    """Comments of one language, those that say much the same together."""
    said = [_roots(each, split) for each in answers]
    times = Counter(term for terms in said for term in terms)

    def weight(terms: frozenset[str]) -> float:
        return sum(log(1 + (len(said) + 1) / times[term]) for term in terms)

    weights = [weight(terms) for terms in said]
    leads = list(range(len(answers)))
    for first, second in combinations(range(len(answers)), 2):
        shared = said[first] & said[second]
        enough = min(WORDS_FROM, len(said[first]), len(said[second]))
        if shared and len(shared) >= enough and weight(shared) >= ALIKE_FROM * min(weights[first], weights[second]):
            one, other = sorted((_lead(leads, first), _lead(leads, second)))
            leads[other] = one
    together: dict[int, list[_Said]] = {}
    for number, answer in enumerate(answers):
        together.setdefault(_lead(leads, number), []).append(answer)
    yield from together.values()


def _roots(answer: Said, split: Split | None) -> frozenset[str]:
    """What a comment is about: its words without their endings, so that “answer” and “answered” are one.

    Of a compound the last two terms count, its parts: with the whole it would be about one thing twice.
    """
    said = words(answer.language, without_masks(answer.comment), split)
    return frozenset(term[:ROOT] for word in said for term in word.terms[-2:])


def _lead(leads: list[int], number: int) -> int:
    """The first of the group that one belongs to."""
    while leads[number] != number:
        number = leads[number]
    return number


def _joined(groups: Sequence[Group[_Said]], edition: Edition) -> list[Group[_Said]]:
    """Groups, with those joined that say the same in several languages; as they are where nothing can be searched."""
    asked = [_as_ticket(number, group) for number, group in enumerate(groups[:ACROSS])]
    leads = list(range(len(groups)))
    try:
        for ticket in asked:
            later = [each for each in asked if each.id > ticket.id]
            for found in kin(edition, ticket, later):
                one, other = sorted((_lead(leads, ticket.id), _lead(leads, found.id)))
                leads[other] = one
    except SearchUnavailable:
        return list(groups)
    together: dict[int, list[_Said]] = {}
    for number, group in enumerate(groups):
        together.setdefault(_lead(leads, number), []).extend(group.answers)
    newest_first = (sorted(each, key=lambda answer: answer.at, reverse=True) for each in together.values())
    return sorted((Group(tuple(each)) for each in newest_first), key=_order)


def _as_ticket(number: int, group: Group[_Said]) -> Ticket:
    """The shortest comment of a group as something whose kin can be found."""
    answer = min(group.answers, key=lambda each: len(each.comment))
    text = " ".join(answer.comment.split())[:_COMPARED_LENGTH]
    return Ticket(number, Kind.GAP, Status.NEW, 1, answer.language, text, answer.at, answer.at, query=text)
