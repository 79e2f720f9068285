"""What writers do next: of each kind of work the one that concerns most people, with the figure that says so."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import Connection

from portal.edition import Tallies
from portal.knowledge import KnowledgeBase
from portal.opinions import different
from portal.problems import Problem
from portal.storage import claims, feedback, gaps, unanswered
from portal.storage.unanswered import Gap
from portal.tickets import Kind as TicketKind
from portal.writing.planning.begun import begun
from portal.writing.planning.helpfulness import Standing, alarms, standings, unhelpful
from portal.writing.planning.status import State, Visits, most_read, opened

#: Entries at most, and how many of them are what the person has taken on.
MOST, MOST_OWN = 8, 2
#: Words of readers with an entry, and among how many they are looked for.
QUOTED, _READ = 3, 30
#: Gaps and flags among which the first is looked for that nobody has taken on, or whose text has not changed since.
_LOOKED_THROUGH, _AT_ONCE = 500, 50


class Kind(StrEnum):
    """What is to be done; in the order in which it is."""

    #: Mend a file that has an error: readers do not see its article.
    MEND = "mend"
    #: A gap that the person has taken on.
    OWN = "own"
    #: Write: people ask for it in vain.
    GAP = "gap"
    #: Bring a translation up to date of which readers are warned.
    OUTDATED = "outdated"
    #: Change what did not help people who had searched for it.
    CHANGE = "change"
    #: Compare a translation with its source, which helps more.
    WORSE = "worse"
    #: Improve what fewer than half found helpful.
    UNHELPFUL = "unhelpful"
    #: Bring a translation up to date.
    STALE = "stale"
    #: Translate: people ask for it, or read it in another language.
    TRANSLATE = "translate"
    #: Add the words that people search with in vain.
    WORDING = "wording"
    #: Read it again, as its writer had planned.
    REVIEW = "review"


@dataclass(frozen=True)
class Todo:
    """One thing to do, and why."""

    kind: Kind
    language: str
    #: The article; of a gap only that whose translation is wanted.
    slug: str = ""
    #: Of the gap; 0 where it is about none.
    number: int = 0
    #: What was searched for.
    query: str = ""
    #: How often it was asked, opened or voted on.
    times: int = 0
    #: Share of its readers whom it helped, 0–1.
    share: float | None = None
    #: Language and share of the source.
    source: tuple[str, float] | None = None
    #: By which other words it was found.
    found_by: str = ""
    #: When it was to be read again.
    day: date | None = None
    #: What readers say, newest first.
    quotes: tuple[str, ...] = ()
    #: What is wrong with the file.
    fault: Problem | None = None
    #: Of a gap: the article that has been begun for it, as a slug; empty while there is none.
    begun: str = ""
    #: Whether that is published, and the gap can be closed.
    is_published: bool = False

    @property
    def command(self) -> str:
        """What begins or ends the work at a prompt; empty where a file is opened."""
        if self.begun:
            return f"portal articles close {self.number} {self.begun} --as EMAIL" if self.is_published else ""
        if self.fault:
            return f"portal articles check {self.fault.path}"
        if self.slug and self.kind in {Kind.OWN, Kind.STALE, Kind.OUTDATED, Kind.WORSE, Kind.TRANSLATE}:
            return f"portal articles translate {self.slug} {self.language}"
        return f"portal articles new --gap {self.number}" if self.number else ""

    @property
    def path(self) -> str:
        """The file that it is about, in the folder of the articles, with the line; empty while there is none."""
        if self.fault:
            return f"{self.fault.path}:{self.fault.line}" if self.fault.line else self.fault.path
        if self.begun:
            return f"{self.language}/{self.begun}.md"
        is_there = self.slug and self.kind not in {Kind.OWN, Kind.GAP, Kind.TRANSLATE}
        return f"{self.language}/{self.slug}.md" if is_there else ""


def todo(
    connection: Connection,
    knowledge: KnowledgeBase,
    visits: Visits,
    tallies: Tallies,
    languages: Sequence[str],
    today: date,
    person_id: int | None = None,
) -> list[Todo]:
    """What to do next, most important first; empty when all is well.

    Args:
        connection: of a transaction that reads.
        knowledge: the published articles.
        visits: how often they were opened.
        tallies: what readers think of them.
        languages: codes of those that the person writes.
        today: the present day.
        person_id: whose gaps come first, and whom others' do not concern; None for a person who is not known.
    """
    spoken = frozenset(languages)
    found = [
        *_broken(knowledge, spoken),
        *_own(connection, knowledge, spoken, person_id),
        *_unanswered(connection, knowledge, languages, person_id),
        *_changes(connection, knowledge, tallies, spoken),
        *_of_state(knowledge, visits, languages),
        *_wordings(connection, knowledge, spoken),
        *_reviews(knowledge, visits, spoken, today),
    ]
    kinds = list(Kind)
    first: list[Todo] = []
    for each in sorted(found, key=lambda each: kinds.index(each.kind)):
        # One of each kind, and nothing twice for different reasons.
        if not any(_is_same(each, other) for other in first):
            first.append(each)
    return [_quoted(connection, knowledge, each) for each in first[:MOST]]


def _is_same(one: Todo, other: Todo) -> bool:
    """Whether two entries are of one kind, or about the same text or gap."""
    if one.number and one.number == other.number:
        return True
    is_text = bool(one.slug) and (one.language, one.slug) == (other.language, other.slug)
    return is_text or (one.kind is other.kind and one.kind is not Kind.OWN)


def _broken(knowledge: KnowledgeBase, spoken: frozenset[str]) -> Iterator[Todo]:
    """The first file that has an error, with how many have one; those beside the articles concern everybody."""
    texts = {problem: key for key, problem in knowledge.faults.items()}
    concerned = [
        (problem, *texts.get(problem, ("", "")))
        for problem in knowledge.broken
        if problem not in texts or texts[problem][0] in spoken
    ]
    for problem, language, slug in concerned[:1]:
        yield Todo(Kind.MEND, language, slug, times=len(concerned), fault=problem)


def _own(
    connection: Connection, knowledge: KnowledgeBase, spoken: frozenset[str], person_id: int | None
) -> Iterator[Todo]:
    """What the person has taken on, longest ago first."""
    if person_id is None:
        return
    mine = claims.of_person(connection, person_id)
    known = unanswered.several(connection, [claim.number for claim in mine])
    taken = [known[claim.number] for claim in mine if claim.number in known]
    for gap in [gap for gap in taken if gap.language in spoken][:MOST_OWN]:
        yield _of_gap(Kind.OWN, gap, knowledge)


def _of_gap(kind: Kind, gap: Gap, knowledge: KnowledgeBase) -> Todo:
    """A gap as something to do."""
    wanted = knowledge.choose(gap.language, gap.slug) if gap.kind is TicketKind.TRANSLATION else None
    slug = wanted.article.slug if wanted else ""
    article = begun(knowledge, gap)
    name, is_published = "", False
    if article is not None:
        name = article.article.slug
        is_published = (gap.language, name) in knowledge.articles
    return Todo(
        kind, gap.language, slug, gap.number, gap.query, gap.occurrences, begun=name, is_published=is_published
    )  # fmt: skip


def _unanswered(
    connection: Connection, knowledge: KnowledgeBase, languages: Sequence[str], person_id: int | None
) -> Iterator[Todo]:
    """The gap and the missing translation that are asked most and that nobody else has taken on."""
    wanted = {TicketKind.GAP: Kind.GAP, TicketKind.TRANSLATION: Kind.TRANSLATE}
    after = None
    for _ in range(_LOOKED_THROUGH // _AT_ONCE):
        asked = unanswered.page(connection, languages, after, _AT_ONCE)
        taken = claims.of(connection, [gap.number for gap in asked])
        for gap in asked:
            if gap.kind in wanted and (gap.number not in taken or taken[gap.number].person_id == person_id):
                yield _of_gap(wanted.pop(gap.kind), gap, knowledge)
        if not wanted or len(asked) < _AT_ONCE:
            return
        after = asked[-1].occurrences, asked[-1].number


def _changes(
    connection: Connection, knowledge: KnowledgeBase, tallies: Tallies, spoken: frozenset[str]
) -> Iterator[Todo]:
    """What did not help: people who had searched for it, readers of a translation, readers in all."""
    known = standings(knowledge, tallies)
    for flag in now_called(knowledge, gaps.flags(connection, _LOOKED_THROUGH)):
        item = knowledge.articles.get((flag.language, flag.slug))
        if flag.language in spoken and item is not None and item.fingerprint == flag.revision:
            share = _share(known.get((flag.language, flag.slug)))
            yield Todo(Kind.CHANGE, flag.language, flag.slug, query=flag.query, times=flag.times, share=share)
            break
    for alarm in alarms(knowledge, tallies):
        worse, source = alarm.translation, alarm.source
        if worse.language in spoken:
            of_source = source.language, source.share
            yield Todo(
                Kind.WORSE, worse.language, worse.slug, times=worse.votes, share=worse.share, source=of_source
            )  # fmt: skip
            break
    for worst in unhelpful(knowledge, tallies):
        if worst.language in spoken:
            yield Todo(Kind.UNHELPFUL, worst.language, worst.slug, times=worst.votes, share=worst.share)
            break


_Row = TypeVar("_Row", gaps.Flag, gaps.Wording)


def now_called(knowledge: KnowledgeBase, rows: Iterable[_Row]) -> list[_Row]:
    """What is known of articles, under the slugs that they have now."""
    return [row._replace(slug=knowledge.aliases.get(row.slug, row.slug)) for row in rows]


def _share(standing: Standing | None) -> float | None:
    """The share of readers whom a text helped; None where nobody has voted."""
    return standing.share if standing else None


def _of_state(knowledge: KnowledgeBase, visits: Visits, languages: Sequence[str]) -> Iterator[Todo]:
    """The outdated, the stale and the missing translation that are opened most."""
    known, views = most_read(knowledge, visits), opened(knowledge, visits)
    for wanted, kind in ((State.OUTDATED, Kind.OUTDATED), (State.STALE, Kind.STALE), (State.MISSING, Kind.TRANSLATE)):
        firsts = ((code, known[code, wanted][0]) for code in languages if (code, wanted) in known)
        language, slug = max(firsts, key=lambda key: views[key], default=("", ""))
        # What nobody has opened need not be translated first.
        if slug and (views[language, slug] or wanted is not State.MISSING):
            yield Todo(kind, language, slug, times=views[language, slug])


def _wordings(connection: Connection, knowledge: KnowledgeBase, spoken: frozenset[str]) -> Iterator[Todo]:
    """The words that failed most often where others found the article."""
    for row in now_called(knowledge, gaps.wordings(connection, _LOOKED_THROUGH)):
        if row.language in spoken and (row.language, row.slug) in knowledge.articles:
            yield Todo(
                Kind.WORDING, row.language, row.slug, query=row.failed, times=row.times, found_by=row.found_by
            )  # fmt: skip
            return


def _reviews(knowledge: KnowledgeBase, visits: Visits, spoken: frozenset[str], today: date) -> Iterator[Todo]:
    """The article that is opened most of those that were to be read again by now."""
    views = opened(knowledge, visits)
    due = [(-views[key], day, *key) for key, day in _to_review(knowledge).items() if key[0] in spoken and day < today]
    if due:
        times, day, language, slug = min(due)
        yield Todo(Kind.REVIEW, language, slug, times=-times, day=day)


@lru_cache(maxsize=2)
def _to_review(knowledge: KnowledgeBase) -> dict[tuple[str, str], date]:
    """When articles are to be read again, where their writers have said so."""
    days = ((key, item.article.review_by) for key, item in knowledge.articles.items())
    return {key: day for key, day in days if day is not None}


def slugs_of(knowledge: KnowledgeBase, slug: str) -> list[str]:
    """All slugs that an article has had, its own first."""
    return [slug, *(old for old, now in knowledge.aliases.items() if now == slug)]


def _quoted(connection: Connection, knowledge: KnowledgeBase, entry: Todo) -> Todo:
    """An entry about an article that did not help, with what its readers say of its present text."""
    item = knowledge.articles.get((entry.language, entry.slug))
    if entry.kind not in {Kind.CHANGE, Kind.WORSE, Kind.UNHELPFUL} or item is None:
        return entry
    quotes = (each.comment for each in _said(connection, knowledge, entry.language, entry.slug, item.fingerprint))
    return replace(entry, quotes=tuple(quotes))


def quoted(
    connection: Connection, knowledge: KnowledgeBase, flags: Iterable[gaps.Flag]
) -> dict[tuple[str, str], list[feedback.Comment]]:
    """What readers say of the present texts that did not help, by language and slug; the newest of each."""
    found = {}
    for flag in flags:
        item = knowledge.articles.get((flag.language, flag.slug))
        key = flag.language, flag.slug
        if item is not None and item.fingerprint == flag.revision and key not in found:
            found[key] = _said(connection, knowledge, *key, item.fingerprint)
    return found


def _said(
    connection: Connection, knowledge: KnowledgeBase, language: str, slug: str, revision: str
) -> list[feedback.Comment]:
    """The newest comments on a text, no two of them alike."""
    newest = feedback.comments(connection, language, slugs_of(knowledge, slug), revision, _READ)
    return different(newest, QUOTED)
