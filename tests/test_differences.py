"""A source then and now beside its translation: what has changed, to the word, and which passages that concerns."""

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.articles import Article
from portal.writing.translation.differences import Comparison, Kind, Row, State, compare

OLD = """Before the first heading.

## Start {#start}

1. Open the app.
2. Choose **Network**.

The rest takes five minutes.

## Old way {#old}

Call us.

## Code

```sh
vpn --up
```"""

NEW = """Before the first heading.

## Start here {#start}

1. Open the new app.
2. Choose **Network**.
3. Choose **Go**.

The rest takes
five minutes.

## By telephone {#phone}

Nobody needs a computer for this.

## Code

```sh
vpn --up --fast
```"""

GERMAN = """Vor der ersten Überschrift.

## Los {#start}

1. Öffnen Sie die App.
2. Wählen Sie **Netzwerk**.

Der Rest dauert fünf Minuten.

## Bisher {#old}

Rufen Sie an.

## Skript {#code}

```sh
vpn --up
```

## Nur hier {#here}

Mehr."""


def article(body: str, language: str = "en", title: str = "Connect", summary: str = "") -> Article:
    """An article."""
    return Article(language, "vpn", title, "network", date(2026, 1, 5), body, summary)


def compared(new: str = NEW, title: str = "Connect") -> Comparison:
    """The German text beside the new source."""
    return compare(article(OLD), article(new, title=title), article(GERMAN, "de", "Verbinden"), 5, 8)


def states(row: Row) -> tuple[list[str], list[str]]:
    """The states of the passages on both sides."""
    return [each.state.value for each in row.source], [each.state.value for each in row.translation]


def test_sections_stand_beside_each_other() -> None:
    """By anchor and order; what was removed stands where it stood, what only the translation has comes last."""
    rows = compared().rows

    assert [(row.anchor, row.state.value, row.source_line, row.translation_line) for row in rows] == [
        ("", "fresh", 0, 0),
        ("", "fresh", 5, 8),
        ("start", "changed", 7, 10),
        ("old", "removed", 0, 17),
        ("phone", "added", 16, 0),
        ("code", "changed", 20, 21),
        ("here", "fresh", 0, 27),
    ]
    assert [row.anchor for row in compared().concerned] == ["start", "old", "phone", "code"]


def test_the_passages_that_a_change_concerns_are_marked_in_the_translation() -> None:
    """An item that is new in the source has its place in the translation, where nothing stands yet."""
    start = compared().rows[2]

    assert states(start) == (
        ["changed", "changed", "fresh", "added", "fresh"],
        ["changed", "changed", "fresh", "added", "fresh"],
    )
    assert [(each.kind, each.text, each.line) for each in start.translation[1:4]] == [
        (Kind.ITEM, "1. Öffnen Sie die App.", 12),
        (Kind.ITEM, "2. Wählen Sie **Netzwerk**.", 13),
        (Kind.ITEM, "", 0),
    ]


def test_the_changed_words_are_marked() -> None:
    """And nothing else; a paragraph that was only wrapped anew has not changed."""
    item, code = compared().rows[2].source[1], compared().rows[5].source[1]

    assert [(each.text, each.state.value) for each in item.pieces] == [
        ("1. Open the", "fresh"),
        (" new", "added"),
        (" app.", "fresh"),
    ]
    assert code.kind is Kind.CODE
    assert [each.text for each in code.pieces if each.state is State.ADDED] == [" --fast"]


def test_a_changed_title_and_summary_are_the_first_row() -> None:
    """They are translated too."""
    new = article(OLD, title="Connect at home", summary="New.")
    row = compare(article(OLD, summary="Old."), new, article(GERMAN, "de", "Verbinden")).rows[0]

    assert states(row) == (["changed", "changed"], ["changed"])
    assert row.source[0].text == "Connect at home"


def test_without_the_old_text_both_stand_whole() -> None:
    """Nothing is called fresh that nobody knows."""
    found = compare(None, article(NEW), article(GERMAN, "de"))

    assert not found.is_known
    assert {each.state for row in found.rows for each in (*row.source, *row.translation)} == {State.UNKNOWN}
    assert found.concerned == ()


def test_a_translation_without_anchors_is_paired_by_order_and_signs() -> None:
    """Many are older than their anchors; one that lacks a section is paired by what is the same in all languages."""
    plain = "\n\n".join(f"## Part {number}\n\nSee `file-{number}`." for number in range(4))
    german = "\n\n".join(f"## Teil {word}\n\nSiehe `file-{number}`." for number, word in ((0, "A"), (2, "B"), (3, "C")))

    rows = compare(article(plain), article(plain.replace("See `file-2", "Open `file-2")), article(german, "de")).rows

    assert [row.translation_line for row in rows[2:]] == [1, 0, 5, 9]
    assert [row.state.value for row in rows[2:]] == ["fresh", "fresh", "changed", "fresh"]
    assert rows[4].translation[1].state is State.CHANGED


BLOCKS = st.lists(
    st.sampled_from(
        [
            "## A {#a}",
            "## B",
            "### C {#c}",
            "One two three.",
            "One two four.",
            "- item",
            "```\ncode\n```",
            "| a |\n|---|\n| b |",
            "Five.",
        ]
    ),
    max_size=8,
).map("\n\n".join)


@settings(deadline=None)
@given(BLOCKS, BLOCKS, BLOCKS)
def test_nothing_of_any_text_is_lost_or_told_twice(old: str, new: str, translation: str) -> None:
    """Source passages give the new text and, with what was removed, the old one; the translation is all there."""
    found = compare(article(old), article(new), article(translation, "de"))
    rows = found.rows

    def shown(state: State, side: str) -> list[str]:
        pieces = (
            piece
            for row in rows
            for each in getattr(row, side)
            for piece in each.pieces
            if piece.state in (State.FRESH, state)
        )
        return sorted("".join("".join(piece.text for piece in pieces).split()))

    def written(body: str) -> list[str]:
        return sorted("".join(f"Connect{body}".split()))

    assert shown(State.ADDED, "source") == written(new)
    assert shown(State.REMOVED, "source") == written(old)
    assert shown(State.FRESH, "translation") == written(translation)
    assert (old == new) <= (found.concerned == ())


@settings(deadline=None)
@given(BLOCKS)
def test_what_has_not_changed_is_fresh(body: str) -> None:
    """Also where the title is the only change."""
    one = article(body)
    found = compare(one, replace(one, title="Other"), article(body, "de"))

    assert [row.state for row in found.rows] == [State.CHANGED, *[State.FRESH] * (len(found.rows) - 1)]


def test_huge_texts_are_compared_in_bounded_time() -> None:
    """In their order alone; nothing waits for the product of their lengths."""
    old = "\n\n".join(f"word {number} " for number in range(20_000))
    new = old.replace("word 19999", "other")

    found = compare(article(old), article(new), article("", "de"))
    long = compare(article("a b " * 20_000), article("b a " * 20_000), article("", "de"))

    assert [row.state for row in found.concerned] == [State.CHANGED]
    assert [piece.state for piece in long.rows[1].source[0].pieces] == [State.REMOVED, State.ADDED]
