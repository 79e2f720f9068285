"""What has changed in a source since it was translated, and which passages of the translation that concerns."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from portal.articles import Article
from portal.writing.files.blocks import Block, Kind, Section, read_sections, share
from portal.writing.files.sections import best_pairs, pair

__all__ = ["Comparison", "Kind", "Passage", "Piece", "Row", "State", "compare"]

#: Sections of more blocks are compared in their order alone, passages of more words as wholes: the cost is the product
#: of both numbers.
MOST_COMPARED, MOST_MARKED = 1_000_000, 250_000


class State(StrEnum):
    """What has become of a passage since the translation was made."""

    FRESH = "fresh"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    #: The text that was translated is not known.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Piece:
    """Some words of a passage, as they are written in Markdown."""

    text: str
    #: FRESH, ADDED or REMOVED; in a translation always FRESH.
    state: State = State.FRESH


@dataclass(frozen=True)
class Passage:
    """A paragraph, list item, table, piece of code, heading, title or summary."""

    kind: Kind
    state: State
    #: In a source with what was removed and what was added; together they are the passage with its line breaks.
    #: In a translation empty where the state is ADDED: there, something of the source has still to be put.
    pieces: tuple[Piece, ...]
    #: Of the file; 0 where it is not (any more) in it, or in the front matter.
    line: int

    @property
    def text(self) -> str:
        """As it stands now, without what was removed."""
        return "".join(piece.text for piece in self.pieces if piece.state is not State.REMOVED)


@dataclass(frozen=True)
class Row:
    """A section of the source beside the same section of the translation."""

    #: As the source's page has it; empty for title and summary and for what stands before the first heading.
    anchor: str
    #: FRESH where nothing of it has changed; ADDED and REMOVED where all of it has come or gone.
    state: State
    source: tuple[Passage, ...]
    #: Empty where the translation lacks the section.
    translation: tuple[Passage, ...]
    #: Of their first lines in the files; 0 where there is none.
    source_line: int = 0
    translation_line: int = 0


@dataclass(frozen=True)
class Comparison:
    """A source as it is now and was translated, beside its translation."""

    #: The first holds title and summary, the others the sections: in the source's order, what was removed where it
    #: stood, then what only the translation has.
    rows: tuple[Row, ...]
    #: Whether the text that was translated is known; otherwise all states are UNKNOWN.
    is_known: bool

    @property
    def concerned(self) -> tuple[Row, ...]:
        """The rows that have to be translated anew."""
        return tuple(row for row in self.rows if row.state not in {State.FRESH, State.UNKNOWN})


def compare(
    old: Article | None, new: Article, translation: Article, new_line: int = 1, translation_line: int = 1
) -> Comparison:
    """A source as it is now beside its translation, with what has changed since that was made.

    Args:
        old: the source as it was translated, see `history.History.version`; None where that is not known.
        new: the source as it is.
        translation: of the same family.
        new_line: line of the source's file on which its body starts.
        translation_line: the same of the translation's.
    """
    olds = _sections(old, 1) if old else None
    news, theirs = _sections(new, new_line), _sections(translation, translation_line)
    rows = _Rows(olds if olds is not None else news, theirs)
    if olds is None:
        return Comparison(tuple(rows.unknown(news)), False)
    return Comparison(tuple(rows.known(olds, news)), True)


def _sections(article: Article, line: int) -> list[Section]:
    """Title and summary as a section of their own, and those of the body."""
    head = [Block(Kind.TITLE, article.title, 0)]
    if article.summary:
        head.append(Block(Kind.SUMMARY, article.summary, 0))
    return [Section(None, tuple(head), 0), *read_sections(article.body, line)]


def _paired(left: Sequence[Section], right: Sequence[Section], *, is_translated: bool) -> dict[int, int]:
    """The same sections of two texts, by their places; the first two of each, which have no heading, are the same."""

    def likeness(one: int, other: int) -> float:
        ours, theirs = left[one + 2], right[other + 2]
        if not is_translated:
            return share(ours.words, theirs.words) - 0.3
        is_level = ours.heading and theirs.heading and ours.heading.level == theirs.heading.level
        return (1.0 if is_level else 0.1) + 0.8 * share(ours.signs, theirs.signs)

    headings = [[section.heading for section in sections if section.heading] for sections in (left, right)]
    found = pair(headings[0], headings[1], likeness)
    return {0: 0, 1: 1} | {one + 2: other + 2 for one, other in found.items()}


class _Rows:
    """Puts the sections of a source beside those of its translation.

    Args:
        base: of the source as it was translated, or as it is where that is not known.
        theirs: of the translation.
    """

    def __init__(self, base: Sequence[Section], theirs: Sequence[Section]) -> None:
        self._theirs = theirs
        self._pairs = _paired(base, theirs, is_translated=True)
        self._rest = set(range(len(theirs))) - set(self._pairs.values())

    def unknown(self, news: Sequence[Section]) -> Iterator[Row]:
        """The rows where nothing is known of what was translated."""
        for place, section in enumerate(news):
            other = self._their(place)
            yield _row(section, other, State.UNKNOWN, _whole(section, State.UNKNOWN), _whole(other, State.UNKNOWN))
        yield from self._others(State.UNKNOWN)

    def known(self, olds: Sequence[Section], news: Sequence[Section]) -> Iterator[Row]:
        """The rows where the source is compared with what was translated."""
        same = _paired(olds, news, is_translated=False)
        before = {new: old for old, new in same.items()}
        # What was removed stands behind what it followed; the first two sections are always there.
        gone: dict[int, list[int]] = {}
        last = 0
        for old in range(len(olds)):
            last = same.get(old, last)
            if old not in same:
                gone.setdefault(last, []).append(old)
        begun = {self._theirs[place].anchor: place for place in self._rest}
        for new, section in enumerate(news):
            if new in before:
                yield _changed(olds[before[new]], section, self._their(before[new]))
            else:
                place = begun.pop(section.anchor, -1)
                self._rest.discard(place)
                other = self._theirs[place] if place >= 0 else None
                yield _row(
                    section, other, State.ADDED, _whole(section, State.ADDED, State.ADDED), _whole(other, State.FRESH)
                )
            for old in gone.get(new, ()):
                passages = _whole(olds[old], State.REMOVED, State.REMOVED)
                other = self._their(old)
                yield _row(olds[old], other, State.REMOVED, passages, _whole(other, State.REMOVED), is_there=False)
        yield from self._others(State.FRESH)

    def _their(self, place: int) -> Section | None:
        """The section of the translation that was made of one of the source."""
        return self._theirs[self._pairs[place]] if place in self._pairs else None

    def _others(self, state: State) -> Iterator[Row]:
        """The sections that only the translation has."""
        for place in sorted(self._rest):
            section = self._theirs[place]
            yield Row(section.anchor, state, (), _whole(section, state), 0, section.line)


def _row(
    source: Section,
    translation: Section | None,
    state: State,
    ours: tuple[Passage, ...],
    theirs: tuple[Passage, ...],
    *,
    is_there: bool = True,
) -> Row:
    """A row of two sections."""
    line = source.line if is_there else 0
    return Row(source.anchor, state, ours, theirs, line, translation.line if translation else 0)


def _whole(section: Section | None, state: State, pieces: State = State.FRESH) -> tuple[Passage, ...]:
    """All passages of a section in one state."""
    is_gone = pieces is State.REMOVED
    return tuple(
        Passage(block.kind, state, (Piece(block.text, pieces),), 0 if is_gone else block.line)
        for block in (section.blocks if section else ())
    )


def _changed(old: Section, new: Section, translation: Section | None) -> Row:
    """The row of a section that was there before."""
    ours: list[Passage] = []
    fates: dict[int, State] = {}
    #: Of each block of the old text, what was added behind it; -1: before the first.
    added: dict[int, list[Passage]] = {}
    last = -1
    for before, now in _aligned(old.blocks, new.blocks):
        passage = _compared(None if before is None else old.blocks[before], None if now is None else new.blocks[now])
        ours.append(passage)
        if before is None:
            added.setdefault(last, []).append(Passage(passage.kind, State.ADDED, (), 0))
        else:
            last, fates[before] = before, passage.state
    state = State.FRESH if all(passage.state is State.FRESH for passage in ours) else State.CHANGED
    theirs = tuple(_concerned(old.blocks, translation.blocks, fates, added)) if translation else ()
    return _row(new, translation, state, tuple(ours), theirs)


def _concerned(
    olds: Sequence[Block], theirs: Sequence[Block], fates: dict[int, State], added: dict[int, list[Passage]]
) -> Iterator[Passage]:
    """The passages of a translation with what has become of those that they were made from."""

    def likeness(one: int, other: int) -> float:
        ours, block = olds[one], theirs[other]
        lengths = sorted((len(ours.text), len(block.text)))
        same_kind = 1.0 if ours.kind is block.kind else 0.1
        return same_kind + 0.3 * lengths[0] / max(lengths[1], 1) + 0.8 * share(ours.signs, block.signs)

    made_from = {other: one for one, other in best_pairs(range(len(olds)), range(len(theirs)), likeness).items()}
    yield from added.get(-1, ())
    behind = -1
    for place, block in enumerate(theirs):
        old = made_from.get(place)
        # What is added behind a passage without a translation follows the last one that has one.
        for between in range(behind + 1, old if old is not None else behind + 1):
            yield from added.get(between, ())
        yield Passage(block.kind, State.FRESH if old is None else fates[old], (Piece(block.text),), block.line)
        if old is not None:
            behind = old
            yield from added.get(old, ())
    for between in range(behind + 1, len(olds)):
        yield from added.get(between, ())


def _aligned(olds: Sequence[Block], news: Sequence[Block]) -> Iterator[tuple[int | None, int | None]]:
    """Which block was which before, in the order in which they are shown: what was removed before what was added."""
    if len(olds) * len(news) > MOST_COMPARED:
        both = min(len(olds), len(news))
        yield from ((place, place) for place in range(both))
        yield from ((place, None) for place in range(both, len(olds)))
        yield from ((None, place) for place in range(both, len(news)))
        return

    def likeness(one: int, other: int) -> float:
        is_kind = olds[one].kind is news[other].kind
        # There is one of each in a section.
        if is_kind and olds[one].kind in {Kind.TITLE, Kind.SUMMARY, Kind.HEADING}:
            return 1.0
        return share(olds[one].words, news[other].words) - (0.35 if is_kind else 0.7)

    matcher = SequenceMatcher(None, [block.folded for block in olds], [block.folded for block in news], autojunk=False)
    for tag, first, end, new_first, new_end in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(range(first, end), range(new_first, new_end), strict=True)
            continue
        found = best_pairs(range(first, end), range(new_first, new_end), likeness)
        new = new_first
        for old in range(first, end):
            if old not in found:
                yield old, None
                continue
            yield from ((None, place) for place in range(new, found[old]))
            yield old, found[old]
            new = found[old] + 1
        yield from ((None, place) for place in range(new, new_end))


def _compared(old: Block | None, new: Block | None) -> Passage:
    """A passage of the source with its words marked."""
    if new is None:
        assert old is not None
        return Passage(old.kind, State.REMOVED, (Piece(old.text, State.REMOVED),), 0)
    if old is None:
        return Passage(new.kind, State.ADDED, (Piece(new.text, State.ADDED),), new.line)
    if old.folded == new.folded:
        return Passage(new.kind, State.FRESH, (Piece(new.text),), new.line)
    return Passage(new.kind, State.CHANGED, tuple(_marked(old.text, new.text)), new.line)


#: A word or a sign with the blanks before it.
_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])|\s+$")


def _marked(old: str, new: str) -> Iterator[Piece]:
    """The words of a changed passage: as they were, removed, added."""
    before, now = _TOKEN.findall(old), _TOKEN.findall(new)
    if len(before) * len(now) > MOST_MARKED:
        yield Piece(old, State.REMOVED)
        yield Piece(new, State.ADDED)
        return
    # Lines may be broken elsewhere.
    old_keys, new_keys = map(_keys, (before, now))
    for tag, first, end, new_first, new_end in SequenceMatcher(None, old_keys, new_keys, autojunk=False).get_opcodes():
        gone, come = "".join(before[first:end]), "".join(now[new_first:new_end])
        if tag == "equal":
            yield Piece(come)
            continue
        if gone:
            yield Piece(gone, State.REMOVED)
        if come:
            yield Piece(come, State.ADDED)


def _keys(tokens: Sequence[str]) -> list[str]:
    """What words are compared by: whether they follow a blank counts, which one does not."""
    return [" " * token[0].isspace() + token.strip() for token in tokens]
