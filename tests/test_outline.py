"""The shape of a text: places of headings, links, images, code and tables, as the renderer sees them."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import library, markup
from portal.articles import Article
from portal.outline import Heading, Outline, prose, read_outline
from portal.outline.anchors import read_structure
from tests.needs import REPOSITORY, corpus

_ARTICLE = re.compile(r"(?:\.\./(?:en|fr|de|ru)/|\./)?([a-z0-9][a-z0-9_.-]*)\.md(#[^\s]*)?")


def real_articles() -> Iterator[Article]:
    """The shipped ones, and one in eighty of the corpus where that is at hand."""
    for root, step in ((REPOSITORY / "articles", 1), (corpus(), 80)):
        if root is not None:
            for file in library.scan(root).files[::step]:
                if article := library.read(file, root).article:
                    yield article


def anchors(body: str) -> list[str]:
    """The anchors of the rendered page's headings."""
    return [section.anchor for section in markup.render(body, "en").sections if section.level > 1]


def test_headings_and_links_are_those_of_the_rendered_page() -> None:
    """For every shipped article: the same anchors in their order, the same links to articles, as many tables."""
    for article in real_articles():
        outline = read_outline(article.body, 1)
        page = markup.render(article.body, article.language)
        name = f"{article.language}/{article.slug}"

        assert [h.anchor for h in outline.headings] == [s.anchor for s in page.sections if s.level > 1], name
        found = sorted(
            match[1] + (match[2] or "")
            for link in outline.links
            if not link.is_image and (match := _ARTICLE.fullmatch(link.target))
        )
        hrefs = (unescape(href) for href in re.findall(r'<a href="([^"#:/][^":/]*)"', page.html))
        assert found == sorted(hrefs), name
        assert len(outline.tables) == page.html.count("<table"), name


PIECES = (
    "## Head", "## Head", "# One", "### Two {#two}", "## Two {: #two }", "Head\n====", "Sub\n---", "##NoSpace",
    "## `code` *em* [h](h.md)", "## Ünïcode — “x” & y", "## A_b_c", "## <b>x</b>", "## {{x}}", "para\n## tight\nmore",
    "- item", "    - nested", "1. one", "    in the list", "- # in list", "> ## Quoted", "!!! note\n    ## Inner",
    "term\n:   def", "[^1]: foot", "see[^1]", "```\n# no\n```", "~~~ sh\n# no\n~~~", "<!-- # no -->", "<div>\n# no\n</div>",
    "| A | B |\n|---|---|\n| # no | b |", "* * *", "text", "[r]: r.md", "{: #two }", "", "", "",
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8))
def test_anchors_are_the_renderers_however_headings_are_mixed(pieces: list[str]) -> None:
    """Headings in lists, quotes and boxes, of equal names, beside code and HTML that look like some."""
    body = "\n".join(("text", "", *pieces))

    assert [heading.anchor for heading in read_outline(body, 1).headings] == anchors(body)


LINKS = {
    "[words](to.md)": ("words", "to.md"),
    "[a [b] c](to.md#x)": ("a [b] c", "to.md#x"),
    '[a](<to it.md> "Title (1)")': ("a", "to it.md"),
    "[a](to(1).md 'T')": ("a", "to(1).md"),
    "[two\nlines](to.md)": ("two lines", "to.md"),
    "[words][name]": ("words", "named.md"),
    "[Name][]": ("Name", "named.md"),
    "[name]": ("name", "named.md"),
    "<https://example.org/a?b>": ("https://example.org/a?b", "https://example.org/a?b"),
    "<me@example.org>": ("me@example.org", "mailto:me@example.org"),
    '<a href="to.md" title="x > y">some <b>words</b></a>': ("some words", "to.md"),
    "[`code`](to.md)": ("`code`", "to.md"),
}
PLACES = {
    "paragraph": "Text {} and more.",
    "heading": "## Heading {}",
    "list": "- one\n- two {}\n    - {}",
    "numbered": "1. one\n\n    {} below\n\n        - {}",
    "table": "| A | B |\n|---|---|\n| x | {} |",
    "box": '!!! note "Title"\n    Text {}',
    "quote": "> Text {}",
    "footnote": "Text[^1]\n\n[^1]: See {}",
    "definition": "Term\n:   See {}",
    "behind code": "`[x](no.md)` ``a ` [y](no.md)`` {}",
}


@pytest.mark.parametrize("place", PLACES)
def test_every_kind_of_link_is_found_at_its_place_wherever_it_stands(place: str) -> None:
    """Line and column are those of its first sign."""
    for written, (words, target) in LINKS.items():
        text = PLACES[place].replace("{}", written)
        if "\n" in written and place in ("heading", "table", "quote"):
            continue
        body = f"{text}\n\n[name]: named.md 'Title'"
        starts = [match.start() for match in re.finditer(re.escape(written), text)]
        links = read_outline(body, 8).links

        assert [(link.text, link.target) for link in links] == [(words, target)] * len(starts), written
        assert [(link.line, link.column) for link in links] == [
            (8 + body.count("\n", 0, start), start - body.rfind("\n", 0, start)) for start in starts
        ]


def test_what_shows_markdown_is_not_read_as_markdown() -> None:
    """Code of all kinds, also in lists, remarks, HTML blocks and escaped brackets hold no links."""
    body = "\n\n".join((
        "`[a](b.md)` and ``[a](b.md) ` ``, \\[a](b.md)",
        "```\n[a](b.md)\n```",
        "- item\n\n    ```sh\n    [a](b.md)\n    ```\n\n        [a](b.md)",
        "text\n\n    [a](b.md)\n\n    [a](b.md)",
        "<!-- [a](b.md)\n\n[a](b.md) --> <!-- [a](b.md) -->",
        "<div>\n[a](b.md)\n</div>",
        "[a] (b.md) [a](b.md",
    ))  # fmt: skip

    assert read_outline(body, 1).links == ()


def test_images_tell_their_text_and_their_language() -> None:
    """By attribute, by suffix, in HTML, and within a link."""
    body = (
        '![A](images/a.png){lang=fr} ![B](images/b.de.png "T")\n'
        '[![C [x](y.md)](images/c.png)](to.md) <img src="images/d.png" alt="D &amp; E" lang="ru">\n![](images/e.png)'
    )
    links = read_outline(body, 1).links

    assert [(x.text, x.target, x.language, x.is_image) for x in links if x.is_image] == [
        ("A", "images/a.png", "fr", True),
        ("B", "images/b.de.png", "de", True),
        ("C [x](y.md)", "images/c.png", "", True),
        ("D & E", "images/d.png", "ru", True),
        ("", "images/e.png", "", True),
    ]
    assert [(x.line, x.column, x.target) for x in links if not x.is_image] == [(2, 1, "to.md")]


def test_code_and_tables_are_told_apart_by_what_they_are() -> None:
    """Language and text of code, remarks left out; columns, rows and header of tables, in HTML too."""
    body = (
        "```python\nprint(1)  # one\n```\n\n~~~ {.sh}\nls\n~~~\n\n    indented\n\n"
        "A | B\n--|--:\n`a|b` | c\nd | e\n\n|  |  |\n|--|--|\n| a | b |\n\n"
        "<table>\n<tr><td>x</td><td>y</td></tr>\n</table>\n"
    )
    outline = read_outline(body, 1)
    same = read_outline(body.replace("# one", "# eins"), 1)

    assert [(code.line, code.language, code.is_fenced) for code in outline.code_blocks] == [
        (1, "python", True),
        (5, "sh", True),
        (9, "", False),
    ]
    assert outline.code_blocks == same.code_blocks
    assert outline.code_blocks != read_outline(body.replace("print", "echo"), 1).code_blocks
    assert outline.tables == ((11, 2, 2, True), (16, 2, 1, False), (20, 2, 1, False))


def test_headings_have_places_levels_and_texts() -> None:
    """Also those without a blank behind the hash, underlined, in a list, as HTML, and from their given anchors."""
    body = "# *A* `b`\n\nUnder\n---\n\n- ### In {#in}\n\n##Tight ##\n\n<h4 id='raw'>R &amp; s</h4>\n"

    assert read_outline(body, 5).headings == (
        Heading(5, 1, 1, "A b", "a-b", False),
        Heading(7, 1, 2, "Under", "under", False),
        Heading(10, 3, 3, "In", "in", True),
        Heading(12, 1, 2, "Tight", "tight", False),
        Heading(14, 1, 4, "R & s", "raw", True),
    )


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("A <code>b\nc</code> d <KBD>e</kbd > f", "A d f"),
        ("<pre>\na\n\nb <code>c</code> d\n</pre>\n\nE", "E"),
        ("<script>a</script>\n\n<style>b</style>\n\n<p>C <samp>d</samp> e</p>", "C e"),
        ("A <code>b\n\nC", "A C"),
        ("A <codes>b</codes> `<code>` c", "A b c"),
        ("A <code><code>b</code> c</code> d", "A c d"),
    ],
)
def test_what_is_shown_sign_by_sign_is_no_prose(body: str, shown: str) -> None:
    """In HTML elements too, within a line and over several; one that is not closed reaches to the paragraph's end."""
    assert " ".join(" ".join(line.text for line in prose(body, 1)).split()) == shown


def test_links_within_such_elements_are_links() -> None:
    """They are on the page."""
    assert [link.target for link in read_outline("A <code>[b](c.md) <a href='d.md'>e</a></code>", 1).links] == [
        "c.md",
        "d.md",
    ]


def test_prose_keeps_its_columns_and_nothing_else() -> None:
    """What is no prose is blank: code, what people type, addresses, tags, attributes, marks of lists, titles' quotation marks."""
    body = (
        'A `b` [c](d.md "e") <kbd>F</kbd>{.g} https://h.org/?i:j.\n\n- item {#x}\n\n!!! tip "T “u”"\n    v\n\n'
        "```\nw\n```\n\n| y |\n|---|\n\n[r]: s.md\n\n:   def[^1]\n\n## Z {#z}\n"
    )
    lines = list(prose(body, 3))

    assert [(line.number, line.text.rstrip()) for line in lines] == [
        (3, "A     [c]" + " " * 46 + "."),
        (5, "  item"),
        (7, "         T “u”"),
        (8, "    v"),
        (14, "| y |"),
        (19, "    def"),
        (21, "   Z"),
    ]
    assert all(len(line.text) == len(line.raw) for line in lines)


@contextmanager
def patience(seconds: int) -> Iterator[None]:
    """Fail what would take for ever; far above what it takes."""

    def give_up(_signal: int, _frame: object) -> None:
        raise TimeoutError

    old = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


HOSTILE = (
    "[",
    "[a](",
    "|",
    "|a|\n|-|\n",
    "`",
    "` `` ",
    "<a ",
    "<code>",
    "<!--",
    "{#",
    "> ",
    "1. ",
    "- a\n",
    "```\n",
    '[x](" ',
    "# a\n",
)


@pytest.mark.parametrize("sign", HOSTILE)
def test_a_hostile_text_takes_no_time(sign: str) -> None:
    """A quarter of a mebibyte of what makes parsers slow; each takes tenths of a second."""
    body = (sign * (library.MAX_BYTES // len(sign)))[: library.MAX_BYTES]

    with patience(120):
        outline = read_outline(body, 1)
        for _ in prose(body, 1):
            pass

    assert isinstance(outline, Outline)


def test_a_text_that_is_too_much_for_the_parser_still_has_anchors() -> None:
    """They are made as the renderer makes them, from what looks like a heading."""
    body = "".join(f"## Head {number} {{#h{number}}}\n" for number in range(4000)) + "## Head 1\n\nHead 1\n======\n"

    assert read_structure(body) is None
    headings = read_outline(body, 1).headings

    assert [heading.anchor for heading in headings[-3:]] == ["h3999", "head-1", "head-1_1"]
    assert [heading.line for heading in headings[-3:]] == [4000, 4001, 4003]
