"""What has changed in a source since it was translated, as lines at a prompt."""

import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any

import click

from portal.articles import Freshness, Status
from portal.writing.translation.differences import Passage, Piece, Row, State
from portal.writing.translation.translating import Update

#: How passages are shown: on a terminal by colour, elsewhere by signs.
_STYLES: dict[State, dict[str, Any]] = {
    State.ADDED: {"fg": "green", "underline": True},
    State.REMOVED: {"fg": "red", "strikethrough": True},
}
_SIGNS = {State.ADDED: ("{+", "+}"), State.REMOVED: ("[-", "-]")}
_MARKS = {State.CHANGED: "~", State.ADDED: "+", State.REMOVED: "-"}


def lines(update: Update) -> Iterator[str]:
    """What has to be done to a translation, for people."""
    source, file = update.source, update.translation
    done = f"portal articles translate {file.article.slug} {file.article.language} --done"
    if update.version is None:
        yield from _without_changes(update, done)
        return
    if file.article.status is Status.DRAFT:
        yield f"{file.shown} is a draft."
    since = f"since {update.version.revision} of {update.version.day.isoformat()}"
    rows = update.comparison.concerned if update.comparison else ()
    if not rows:
        yield f"Nothing that readers see has changed in {source.shown} {since}."
    else:
        word = {Freshness.FRESH: "counts as fresh (significance: typo)", Freshness.OUTDATED: "is outdated"}
        state = word.get(update.freshness, f"is {update.freshness.value}")
        yield f"{file.shown} {state}: {source.shown} has changed {since}."
    for row in rows:
        yield ""
        yield from _row(row, source.shown, file.shown)
    yield ""
    yield f"Once {file.shown} is up to date, run {done}."
    if rows:
        yield f"If none of this needs translating: portal articles touch {file.article.slug} --from {update.version.fingerprint}."


def _without_changes(update: Update, done: str) -> Iterator[str]:
    """What can be said of a translation whose source has not changed, or nobody knows how."""
    source, file = update.source, update.translation
    if update.reason:
        yield f"What has changed in {source.shown} cannot be shown. {seen(update.reason)}"
        yield f"Compare the two by hand; once {file.shown} is up to date, run {done}."
        return
    yield f"{file.shown} is made from {source.shown} as it is now."
    if update.lacks:
        yield "Still to do:"
        yield from (seen(str(problem)) for problem in update.lacks)
        yield f"After that, run {done}."


def _row(row: Row, source: str, translation: str) -> Iterator[str]:
    """One section: its changes, and the passages of the translation that they concern."""
    places = [f"{source}:{row.source_line}"] if row.source_line else []
    if row.translation and row.translation_line:
        places.append(f"{translation}:{row.translation_line}")
    yield click.style(f"{_name(row)}  ({', '.join(places) or 'front matter'})", bold=_has_colour())
    if row.state is State.REMOVED:
        yield "  removed from the source"
    yield from (_passage(passage) for passage in row.source if passage.state is not State.FRESH)
    if not row.translation and row.state is not State.REMOVED:
        yield f"  {translation} has no such section."
    elif any(passage.state is not State.FRESH for passage in row.translation):
        yield f"  in {translation}:"
        yield from _concerned(row)


def _name(row: Row) -> str:
    """What a section is called."""
    if row.anchor:
        first = next((each.text for each in row.source if each.text.strip()), "")
        return (
            re.sub(r"[ ]*\{[^{}]*\}[ #]*$", "", seen(first.strip().partition("\n")[0].strip("# ")))[:100] or row.anchor
        )
    return "Before the first heading" if row.source_line or row.translation_line else "Title and summary"


def _concerned(row: Row) -> Iterator[str]:
    """The passages of a translation that are not up to date, with their lines."""
    last = row.translation_line
    for passage in row.translation:
        last = passage.line or last
        if passage.state is State.ADDED and not passage.pieces:
            yield f"  + {last or '':>5}  (to be added below this line)"
        elif passage.state is not State.FRESH:
            words = " ".join(seen(passage.text).split())
            yield f"  {_MARKS[passage.state]} {passage.line or '':>5}  {words[:100]}{'…' if len(words) > 100 else ''}"


def _passage(passage: Passage) -> str:
    """A passage of the source with its marks."""
    text = "".join(_piece(piece) for piece in passage.pieces)
    return f"  {_MARKS[passage.state]} {passage.line or '':>5}  " + text.replace("\n", "\n" + " " * 11)


def _piece(piece: Piece) -> str:
    """Some words, marked where they are new or gone."""
    text = seen(piece.text)
    if piece.state not in _SIGNS:
        return text
    if _has_colour():
        return click.style(text, **_STYLES[piece.state])
    before, behind = _SIGNS[piece.state]
    return f"{before}{text}{behind}"


def _has_colour() -> bool:
    """Whether the output is a terminal whose owner wants colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def seen(text: str) -> str:
    """Text that does nothing to a terminal: no signs that control it or turn the direction of writing."""
    return "".join(
        sign for sign in text if sign in "\n\t" or (unicodedata.category(sign) != "Cc" and sign not in _DIRECTIONS)
    )


_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
