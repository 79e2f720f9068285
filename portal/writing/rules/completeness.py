"""What a translation lacks of its source, told by the shapes of the two texts alone."""

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from portal.outline import Heading, Outline
from portal.problems import Problem, Severity
from portal.writing.checking.texts import Facts, Text
from portal.writing.files.sections import pair

_ARTICLE = re.compile(r"(?:\.\./[a-z]{2}/|\./)?([^/#]+?)(?:\.md)?(?:#.*)?")
_ADDRESS = re.compile(r"(?:https?:)?//(?:www\.)?([^/?#\s]+)([^?#\s]*)", re.IGNORECASE)
#: Languages and countries in the addresses of what is written in several: `/de-de/`, `/fr/`, `de.wikipedia.org`.
_LOCALE = re.compile(r"(?<=/)[a-z]{2}(?:[-_][a-z]{2})?(?=/|$)", re.IGNORECASE)
_HOST_LOCALE = re.compile(r"^(?:en|fr|de|ru)\.(?=[^.]+\.)|(?<=\.)(?:com|fr|de|ru)$")
_IMAGE_LOCALE = re.compile(r"[._-](?:en|fr|de|ru)(?=\.[A-Za-z0-9]{2,5}$)")
_WORD = re.compile(r"[A-Za-z0-9]{3,}|\d+")


@dataclass(frozen=True)
class _Item:
    """Something that both texts must have."""

    line: int
    #: The same in both where it is the same.
    key: Hashable
    #: The same where one stands for the other: a page in another language, code whose texts are translated.
    stead: Hashable
    #: How it is named.
    name: str


def compare_shapes(source: Facts | Text, translation: Facts | Text, moved: Mapping[str, str]) -> Iterator[Problem]:
    """Sections, code, images and links of the source that a translation of it lacks, and what it has beyond them.

    Args:
        source: as it was translated.
        translation: of the source as it is.
        moved: earlier slugs and what they lead to.
    """
    yield from _Comparison(source, translation, moved).problems()


class _Comparison:
    """Compares two texts."""

    def __init__(self, source: Facts | Text, translation: Facts | Text, moved: Mapping[str, str]) -> None:
        self._source, self._translation, self._moved = source, translation, moved
        self._ours, self._theirs = source.outline.headings, translation.outline.headings
        self._marks = [*_marks(source.outline)], [*_marks(translation.outline)]
        self._pairs = pair(self._ours, self._theirs, self._likeness)

    def problems(self) -> Iterator[Problem]:
        """Everything that differs."""
        yield from self._sections()
        source, translation = self._source.outline, self._translation.outline
        code = [
            # What is indented may be a list that one of the two writers indented too far.
            [_Item(each.line, each.digest, "", "block of code") for each in outline.code_blocks if each.is_fenced]
            for outline in (source, translation)
        ]
        yield from self._lacking("missing-code-block", *code)
        images = [
            [
                _Item(each.line, _IMAGE_LOCALE.sub("", each.target.rpartition("/")[2]), "", f"image {each.target}")
                for each in outline.links
                if each.is_image
            ]
            for outline in (source, translation)
        ]
        yield from self._lacking("left-out-image", *images)
        yield from self._lacking("missing-link", self._articles(source), self._articles(translation))
        yield from self._lacking("missing-link", _addresses(source), _addresses(translation))

    def _sections(self) -> Iterator[Problem]:
        """Sections that only one text has, and anchors that differ."""
        for place, heading in enumerate(self._ours):
            if place not in self._pairs:
                message = f"It lacks the section {heading.text[:80]!r} of {self._source.path}:{heading.line}."
                yield self._problem(self._place_of(place), "missing-section", message)
        for place in sorted(set(range(len(self._theirs))) - set(self._pairs.values())):
            heading = self._theirs[place]
            message = f"{self._source.path} has no section like {heading.text[:80]!r}."
            yield self._problem(heading.line, "extra-section", message, heading.column)
        for place, other in self._pairs.items():
            ours, theirs = self._ours[place], self._theirs[other]
            if ours.anchor != theirs.anchor and (ours.is_anchored or theirs.is_anchored):
                message = (
                    f"The anchor is {theirs.anchor!r}, in {self._source.path}:{ours.line} it is {ours.anchor!r}; "
                    f"write {{#{ours.anchor}}}."
                )
                yield self._problem(theirs.line, "changed-anchor", message, theirs.column)

    def _lacking(self, code: str, ours: Sequence[_Item], theirs: Sequence[_Item]) -> Iterator[Problem]:
        """What the source has and the translation does not; nothing of sections that it lacks as a whole."""
        left = Counter(item.key for item in theirs)
        rest: list[_Item] = []
        for item in ours:
            if left[item.key]:
                left[item.key] -= 1
            else:
                rest.append(item)
        others: Counter[Hashable] = Counter()
        for item in theirs:
            if left[item.key]:
                left[item.key] -= 1
                others[item.stead] += 1
        for item in rest:
            if others[item.stead]:
                others[item.stead] -= 1
                continue
            place = _section(self._ours, item.line)
            if place >= 0 and place not in self._pairs:
                continue
            message = f"It lacks the {item.name} of {self._source.path}:{item.line}."
            yield self._problem(self._place_of(place), code, message)

    def _articles(self, outline: Outline) -> list[_Item]:
        """The articles that a text links to, each once."""
        found: dict[str, _Item] = {}
        for link in outline.links:
            match = _ARTICLE.fullmatch(link.target)
            if not link.is_image and match and (link.target.partition("#")[0].endswith(".md")):
                slug = self._moved.get(match[1], match[1])
                found.setdefault(slug, _Item(link.line, slug, slug, f"link to {slug}.md"))
        return [*found.values()]

    def _place_of(self, place: int) -> int:
        """Line of the translation where a section of the source stands, or would stand."""
        while place >= 0 and place not in self._pairs:
            place -= 1
        return self._theirs[self._pairs[place]].line if place >= 0 else self._translation.body_line

    def _likeness(self, one: int, other: int) -> float:
        """How much a section of the source is like one of the translation: by level, names and contents."""
        ours, theirs = self._ours[one], self._theirs[other]
        marks, others = self._marks[0][one], self._marks[1][other]
        common = len(marks & others) / max(len(marks | others), 1)
        return (1.0 if ours.level == theirs.level else 0.1) + 0.8 * common

    def _problem(self, line: int, code: str, message: str, column: int = 0) -> Problem:
        """A warning at a place of the translation."""
        return Problem(self._translation.path, line, code, message, Severity.WARNING, column)


def _marks(outline: Outline) -> Iterator[frozenset[Hashable]]:
    """Of each section what stays the same in every language: names and numbers in its heading, code, addresses."""
    contents: list[set[Hashable]] = [set(_WORD.findall(heading.text.lower())) for heading in outline.headings]
    for block in outline.code_blocks:
        if (place := _section(outline.headings, block.line)) >= 0:
            contents[place].add(block.digest)
    for link in outline.links:
        if (place := _section(outline.headings, link.line)) >= 0:
            contents[place].add(_LOCALE.sub("", link.target))
    for table in outline.tables:
        if (place := _section(outline.headings, table.line)) >= 0:
            contents[place].add(("table", table.columns, table.rows))
    return map(frozenset, contents)


def _addresses(outline: Outline) -> list[_Item]:
    """The pages elsewhere that a text links to, each once."""
    found: dict[Hashable, _Item] = {}
    for link in outline.links:
        if not link.is_image and (match := _ADDRESS.match(link.target)):
            host = _HOST_LOCALE.sub("", match[1].lower())
            key = host, _LOCALE.sub("", match[2].lower()).strip("/")
            found.setdefault(key, _Item(link.line, key, "", f"link to {link.target[:200]}"))
    return [*found.values()]


def _section(headings: Sequence[Heading], line: int) -> int:
    """The place of the section that a line is in; -1 before the first heading."""
    low, high = 0, len(headings)
    while low < high:
        middle = (low + high) // 2
        if headings[middle].line <= line:
            low = middle + 1
        else:
            high = middle
    return low - 1
