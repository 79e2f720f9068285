"""Front matter that programs change: only the keys named, every other byte stays."""

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.library import parse
from portal.writing.files.rewriting import CannotRewrite, Value, rewrite

FILE = """---
# Who may change this: the network team.
title: 'Connect to the VPN'   # shown
topic:   network
updated: 2026-01-05
tags:
  # most used first
  - vpn
  - "home: office"   # both
# the end of tags
summary: >
  Two lines
  of text.

source: 'adb3fefd4aafbf5f' # of the English text
keywords: [a,
  b]
license:
---

Text with `source: no`.
---
source: neither
"""

#: Values of every kind that a key can be given, as texts of hostile people too.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40)
VALUES = st.none() | TEXTS | st.dates() | st.lists(TEXTS, max_size=3)


def one(changes: dict[str, Value], text: str = FILE) -> str:
    """The file after a change."""
    return rewrite(text.encode(), changes).decode()


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ({"source": "0123456789abcdef"}, "'adb3fefd4aafbf5f' #", "'0123456789abcdef' #"),
        ({"updated": date(2026, 3, 2)}, "2026-01-05", "2026-03-02"),
        ({"title": "It’s 'here'"}, "'Connect to the VPN'   #", "\"It’s 'here'\"   #"),
        ({"topic": "devices"}, "  network", "  devices"),
        ({"topic": "no"}, "  network", '  "no"'),
        ({"keywords": ["x", "y: z"]}, "[a,\n  b]", '[x, "y: z"]'),
        (
            {"tags": ["vpn"]},
            'tags:\n  # most used first\n  - vpn\n  - "home: office"',
            "tags: [vpn]\n  # most used first",
        ),
        ({"summary": "One."}, ">\n  Two lines\n  of text.", '"One."'),
        ({"license": "MIT"}, "license:\n", 'license: "MIT"\n'),
        ({"status": "draft"}, "license:\n", "license:\nstatus: draft\n"),
        ({"source": None}, "source: 'adb3fefd4aafbf5f' # of the English text\n", ""),
        ({"tags": None}, 'tags:\n  # most used first\n  - vpn\n  - "home: office"   # both\n', ""),
        ({"summary": None}, "summary: >\n  Two lines\n  of text.\n", ""),
        ({"license": None}, "license:\n", ""),
        ({"origin": None}, "", ""),
    ],
)
def test_only_the_value_changes(changes: dict[str, Value], old: str, new: str) -> None:
    """Remarks, order, quotation marks and the body stay, whatever the value is written like."""
    assert old in FILE
    assert one(changes) == FILE.replace(old, new, 1)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_byte_order_mark_stay(end: str) -> None:
    """Of Windows and of old computers; what is added has them too."""
    text = "\ufeff" + FILE.replace("\n", end)

    changed = one({"status": "draft", "source": "0123456789abcdef", "summary": None}, text)

    assert changed.startswith(f"\ufeff---{end}#")
    assert f"{end}status: draft{end}---{end}" in changed
    assert not re.search(r"\r(?!\n)|(?<!\r)\n" if end == "\r\n" else "\n" if end == "\r" else "\r", changed)


@settings(deadline=None)
@given(
    changes=st.dictionaries(st.sampled_from(["title", "tags", "source", "origin", "keywords"]), VALUES),
    order=st.permutations(FILE.split("\n")[1:3]),
)
def test_every_value_comes_back_and_nothing_else_changes(changes: dict[str, Value], order: list[str]) -> None:
    """A change and its reverse give the same values; a second time changes nothing more."""
    text = FILE.replace("\n".join(FILE.split("\n")[1:3]), "\n".join(order))

    changed = one(changes, text)

    assert one(changes, changed) == changed
    assert changed.partition("\n---\n")[2] == FILE.partition("\n---\n")[2]
    for line in ("topic:   network", "updated: 2026-01-05", "# Who may change this: the network team."):
        assert line in changed.split("\n")


@settings(deadline=None)
@given(TEXTS.filter(str.strip))
def test_the_library_reads_what_was_written(title: str) -> None:
    """Whatever a title is made of: it is refused for what it is, never for how it was written."""
    changed = one({"title": title, "license": None, "summary": None})

    codes = {problem.code for problem in parse(changed.encode(), "en", "vpn", "en/vpn.md").problems}

    # The file had a remark before.
    assert codes <= {"invalid-value", "control-character", "yaml-comment"}


@pytest.mark.parametrize(
    "text",
    [
        "No front matter.",
        "---\ntitle: [a\n---\nText",
        "---\n{title: a, topic: b}\n---\nText",
        "---\ntitle: a\ntitle: b\n---\nText",
        "---\n- a\n---\nText",
        "---\na: &x b\nc: *x\n---\nText",
        f"---\ntitle: {'x' * 17_000}\n---\nText",
    ],
)
def test_what_only_people_can_change_is_refused(text: str) -> None:
    """With a reason."""
    with pytest.raises(CannotRewrite, match=" "):
        one({"title": "b"}, text)


def test_bytes_that_are_no_text_are_refused() -> None:
    """Nothing is guessed."""
    with pytest.raises(CannotRewrite, match="UTF-8"):
        rewrite(b"---\ntitle: \xff\n---\n", {"title": "b"})
