"""How a text is built: headings, sections, tables, boxes, ends of lines."""

import pytest

from portal.writing.rules import structure
from tests.one_text import BODY_LINE, codes, problems

TABLE = "|  |  |\n|---|---|\n| a | b |"


@pytest.mark.parametrize(
    ("body", "code", "line", "column"),
    [
        ("# One\n\nText.", "first-level-heading", 0, 1),
        ("## One\n\nText.\n\n#### Two\n\nText.", "heading-skips-level", 4, 1),
        ("### One\n\nText.", "heading-skips-level", 0, 1),
        ("## One\n\n## Two\n\nText.", "empty-section", 0, 1),
        ("## One\n\nText.\n\n## Two\n\n<!-- later -->", "empty-section", 4, 1),
        ("One\n---\n\nTwo\n---\n\nText.", "empty-section", 0, 1),
        ("## One {#a}\n\nText.\n\n## One {#b}\n\nText.", "duplicate-heading", 4, 1),
        ("## One {#a}\n\nText.\n\n## Two {#a}\n\nText.", "duplicate-anchor", 4, 1),
        (f"Text.\n\n{TABLE}", "table-without-header", 2, 0),
        ("!!! caution\n    Text.", "unknown-box", 0, 5),
        ("## One:\n\nText.", "heading-end", 0, 7),
        ("Text.\n\n```sh\nls", "unclosed-fence", 2, 0),
        ("~~~\nls\n\nmore", "unclosed-fence", 0, 0),
        ("- One\n\n    ```sh\n    ls\n    ```", "unclosed-fence", 2, 0),
        ("- One\n\n    ```\n    cd a\n    ls\n    ```", "unclosed-fence", 2, 0),
        ("- ```sh\n  ls\n  ```", "unclosed-fence", 0, 0),
        ("```sh title=x\nls\n```", "unclosed-fence", 0, 0),
        ("Text. \nText.", "trailing-blanks", 0, 6),
        ("Text.   \nText.", "trailing-blanks", 0, 6),
        ("Text.  ", "trailing-blanks", 0, 6),
    ],
)
def test_what_is_found(body: str, code: str, line: int, column: int) -> None:
    """Each at its line and column, and nothing beside it."""
    assert [(problem.code, problem.line, problem.column) for problem in problems(structure, body)] == [
        (code, BODY_LINE + line, column)
    ]


@pytest.mark.parametrize(
    "body",
    [
        "## One\n\n### Windows {#w1}\n\nText.\n\n## Two\n\n### Windows {#w2}\n\nText.",
        "## One\n\n### Two\n\n- an item",
        "## What is it?\n\n```\n# no heading:\n```\n\n## Stop!\n\n![a](images/a.png)\n\n## And so on …\n\nText.",
        TABLE.replace("|  |  |", "| A |  |"),
        '!!! warning "Stop"\n    Text.\n\n!!! tip\n    Text.',
        "A line  \nand its break.\n\n    code with blanks   \n\n```\nand here  \n```",
        "```sh\nls\n```\n\n~~~ {.sh}\nls\n~~~\n\n````\n```\n````\n\nA ```b``` c.",
        "- One\n\n    ```\n    one line, which is code within a line\n    ```",
        "    ```sh\n    a fence to show\n    ```\n\n- One\n\n        ```sh\n        another",
        "<pre>\n```sh\n</pre>\n\n<!--\n```sh\n-->\n\nText.",
        "",
    ],
)
def test_what_is_left_alone(body: str) -> None:
    """Headings of the same name in different parts, line breaks, code."""
    assert codes(structure, body or "Text.") == []


def test_a_table_without_header_is_not_said_to_be_empty() -> None:
    """In HTML its first row can say much and still name no column."""
    found = problems(structure, "<table><tr><td>a</td></tr></table>")

    assert [problem.message for problem in found] == [
        "The table has no header: its first row names the columns, in HTML with <th>."
    ]
    assert codes(structure, "<table><tr><th>a</th></tr></table>") == []


def test_only_a_given_anchor_lets_a_heading_be_mended() -> None:
    """Without one, another heading would be another anchor, and links to it would lead nowhere."""
    given, made = problems(structure, "## One: {#one}\n\nText.\n\n## Two:\n\nText.")

    assert given.fix is not None
    assert (given.fix.column, given.fix.length, given.fix.text) == (7, 1, "")
    assert made.fix is None
