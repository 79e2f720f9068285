"""Markdown to pages and plain text: anchors, links, images, titles of notes, levels of headings, what is searched."""

import pytest

from portal.markup import Section, render
from tests.inspecting import inspected, values


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("## Как сбросить пароль?", "как-сбросить-пароль"),
        ("## Passwort zurücksetzen", "passwort-zurücksetzen"),
        ("## **Bold** and `code`", "bold-and-code"),
        ("## Сброс пароля {#reset}", "reset"),
        ("## Reset {: #reset .note }", "reset"),
    ],
)
def test_anchors_are_readable_or_the_writers_own(heading: str, anchor: str) -> None:
    """A heading's anchor is made of its own letters, in any script; an explicit one is kept for all translations."""
    rendered = render(f"{heading}\n\nText.", "ru")

    assert values(rendered.html, "id") == [anchor]
    assert [section.anchor for section in rendered.sections] == [anchor]


def test_equal_headings_have_different_anchors() -> None:
    """Each of two equal headings can be linked to."""
    rendered = render("## A\n\n## A\n", "en")

    assert [section.anchor for section in rendered.sections] == ["a", "a_1"]


@pytest.mark.parametrize(
    "body",
    [
        *("## Text {#ui-main}", "## UI Main text", "Text\n{: #ui-main }", "<p id=ui-main>Text</p>"),
        *("<P ID='ui-'>Text</P>", "<p id='&#117;i-main'>Text</p>", "<a id=ui-x href=vpn.md>Text</a>"),
        "[Text](vpn.md){ #ui-x }",
    ],
)  # fmt: skip
def test_the_ids_of_the_page_cannot_be_taken(body: str) -> None:
    """An anchor that begins like the page's own ids is dropped; its text stays."""
    rendered = render(body, "en")

    assert values(rendered.html, "id") == []
    assert {section.anchor for section in rendered.sections} == {""}
    assert "text" in rendered.html.lower()


def test_the_classes_of_the_page_cannot_be_taken() -> None:
    """Only the classes of notes, footnotes and coloured code are kept."""
    html = render("<div class='scroll alert note no-image'>x</div>", "en").html

    assert values(html, "class") == ["note"]


@pytest.mark.parametrize(
    ("target", "href"),
    [
        *(("vpn.md", "vpn"), ("./vpn.md", "vpn"), ("../fr/vpn.md", "vpn"), ("../de/vpn.md", "vpn")),
        *(("vpn.md#reset", "vpn#reset"), ("../ru/vpn.md#сброс", "vpn#сброс"), ("802.1x.md", "802.1x")),
        *(("https://example.org/?a=1&b=2", "https://example.org/?a=1&b=2"), ("#reset", "#reset")),
        ("mailto:a@example.org", "mailto:a@example.org"),
        *(("HTTP://example.org", "HTTP://example.org"), ("tel:+4930123", "tel:+4930123")),
    ],
)  # fmt: skip
def test_links_lead_to_articles_in_the_readers_language(target: str, href: str) -> None:
    """A link to a file becomes a link to that article beside the present one; safe outside addresses stay."""
    html = render(f"[text]({target})", "fr").html

    assert values(html, "href") == [href]


@pytest.mark.parametrize(
    "target", ["../es/vpn.md", "../vpn.md", "VPN.md", "vpn", "/en/vpn", "../../etc/x.md", "vpn.md?a"]
)
def test_other_relative_links_lead_nowhere(target: str) -> None:
    """An address inside the portal that is no article's is dropped; its words stay."""
    rendered = render(f"[words]({target})", "fr")

    assert values(rendered.html, "href") == []
    assert rendered.text == "words"


@pytest.mark.parametrize("target", ["images/a.png", "../images/a.png", "./images/a.png", "/images/a.png"])
def test_images_come_from_the_folder_of_images(target: str) -> None:
    """However a writer's editor wrote the path, the image is the one in `images`, and is loaded when needed."""
    html = render(f"![A switch]({target})", "en").html

    assert (values(html, "src"), values(html, "alt")) == (["../../images/a.png"], ["A switch"])
    assert values(html, "loading") == ["lazy"]


def test_an_image_that_cannot_be_shown_is_named() -> None:
    """Where an image from elsewhere is dropped, its description stands in its place."""
    html = render("See ![the <red> switch](https://example.org/a.png)!", "en").html

    assert html == '<p>See <span class="no-image">the &lt;red&gt; switch</span>!</p>'


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        ("note", ["Note", "Remarque", "Hinweis", "Примечание"]),
        ("tip", ["Tip", "Conseil", "Tipp", "Совет"]),
        ("warning", ["Warning", "Attention", "Achtung", "Внимание"]),
        ("danger", ["Danger", "Danger", "Gefahr", "Опасно"]),
        ("important", ["Important", "Important", "Wichtig", "Важно"]),
        ("Warning", ["Warning", "Attention", "Achtung", "Внимание"]),
        ("unheard", ["Note", "Remarque", "Hinweis", "Примечание"]),
    ],
)
def test_a_note_without_a_title_has_one_in_the_language_of_the_text(kind: str, titles: list[str]) -> None:
    """Each kind has its word in four languages; an unknown kind is a note."""
    found = [render(f"!!! {kind}\n    Text.", language).html for language in ("en", "fr", "de", "ru")]

    shown = kind.lower() if kind != "unheard" else "note"
    assert found == [
        f'<div class="admonition {shown}">\n<p class="admonition-title">{title}</p>\n<p>Text.</p>\n</div>'
        for title in titles
    ]


def test_a_note_in_a_list_has_a_title_too() -> None:
    """Steps with a warning in them are common."""
    html = render("1. Step\n\n    !!! warning\n        Text.\n", "de").html

    assert '<p class="admonition-title">Achtung</p>' in html


@pytest.mark.parametrize(
    ("title", "expected"),
    [('"Mind the gap"', ["admonition danger", "admonition-title"]), ('""', ["admonition danger"])],
    ids=["own title", "none on purpose"],
)
def test_a_title_that_the_writer_gave_is_kept(title: str, expected: list[str]) -> None:
    """Own words stay, and an empty title means none."""
    html = render(f"!!! danger {title}\n    Text.", "fr").html

    assert values(html, "class") == expected
    assert ("Mind the gap" in html) == ("Mind" in title)


@pytest.mark.parametrize("body", ["```\n!!! warning\n```", "Text\n\n    !!! warning\n"], ids=["fence", "indented"])
def test_code_that_looks_like_a_note_is_kept_as_it_is(body: str) -> None:
    """What a writer shows as code is not rewritten."""
    html = render(body, "fr").html

    assert "<code>!!! warning\n</code>" in html


@pytest.mark.parametrize(
    ("body", "label"),
    [
        ("| a |\n|---|\n| b |\n", "Tabelle"),
        ("<table><tr><td>a</td></tr></table>", "Tabelle"),
        ("<table id='a' lang='fr'><tr><td>a</td></tr></table>", "Tabelle"),
        ("```python\nprint(1)\n```", "Code"),
        ("Text\n\n    code\n", "Code"),
        ("<pre>a</pre>", "Code"),
        ("<pre lang='en'>a</pre>", "Code"),
    ],
)
def test_wide_parts_scroll_by_keyboard(body: str, label: str) -> None:
    """Tables and code can be focused, have a role and a name in the text's language, and are closed properly."""
    html = render(body, "de").html

    found = (values(html, "tabindex"), values(html, "role"), values(html, "aria-label"))
    assert found == (["0"], ["group"], [label])
    assert inspected(html).faults == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("## A\n\n### B\n", [("A", 2), ("B", 3)], id="no title: nothing moves"),
        pytest.param("# A\n\n## B\n", [("A", 2), ("B", 3)], id="title: all move"),
        pytest.param("A\n===\n\nB\n---\n", [("A", 2), ("B", 3)], id="underlined title"),
        pytest.param("#A\n\n## B\n", [("A", 2), ("B", 3)], id="title without a space"),
        pytest.param("> # A\n", [("A", 2)], id="title in a quotation"),
        pytest.param("- # A\n", [("A", 2)], id="title in a list"),
        pytest.param("<h1>A</h1>\n", [("A", 2)], id="title as HTML"),
        pytest.param("# A\n\n###### B\n", [("A", 2), ("B", 6)], id="none below h6"),
        pytest.param("## A\n\n```\n# comment\n```\n", [("A", 2)], id="comment in code"),
        pytest.param("## A\n\n```\n=====\n```\n", [("A", 2)], id="line in code"),
        pytest.param("## A\n\nWrite `<h1>`.\n", [("A", 2)], id="tag in code"),
    ],
)
def test_headings_begin_at_the_second_level(body: str, expected: list[tuple[str, int]]) -> None:
    """The page's only h1 is the article's title: a writer's # becomes h2 with all below it, and no heading is lost."""
    rendered = render(body, "en")

    found = [(section.heading, section.level) for section in rendered.sections if section.heading]
    assert found == expected
    assert [f"<h{level}" in rendered.html for _, level in expected] == [True] * len(expected)


def test_sections_are_the_text_between_headings() -> None:
    """Each section has its anchor, heading, level and folded plain text, a block to a line; the text before the first has none."""
    rendered = render("Intro\n*text*.\n\nMore.\n\n## One {#one}\n\nA &amp; <kbd>Ctrl</kbd>.\n\n### Two {#two}\n", "en")

    assert rendered.sections == (
        Section("", "", "Intro text.\nMore.", 1),
        Section("one", "One", "A & Ctrl.", 2),
        Section("two", "Two", "", 3),
    )
    assert rendered.text == "Intro text.\nMore.\nA & Ctrl."
    assert rendered.headings == ("One", "Two")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param("- one\n- two\n", "one\ntwo", id="list"),
        pytest.param("| a | b |\n|---|---|\n| c | d |\n", "a\nb\nc\nd", id="table"),
        pytest.param("<table><tr><td>a<td>b</table>", "a\nb", id="cells without ends"),
        pytest.param("one<br>two", "one two", id="line break"),
        pytest.param("one\n\ntwo\n", "one\ntwo", id="paragraphs"),
        pytest.param("one\ntwo\tthree  four", "one two three four", id="lines of the source"),
        pytest.param("<p>one</p><p>two</p>", "one\ntwo", id="paragraphs in HTML"),
        pytest.param("<dl><dt>one</dt><dd>two</dd></dl>", "one\ntwo", id="definitions"),
        pytest.param("one ![alt](images/a.png) two", "one two", id="image"),
        pytest.param("**bo**ld and `co`de, H<sub>2</sub>O", "bold and code, H2O", id="parts of words"),
        pytest.param("```python\nprint(1)\n\nprint(2)\n```\n", "print(1) print(2)", id="coloured code"),
        pytest.param(
            "- one\n\n    - two\n\n        three\n\n- four\n", "one\ntwo\nthree\nfour", id="items with blocks in them"
        ),
        pytest.param("> one\n\n---\n\ntwo\n", "one\ntwo", id="quotation and rule"),
        pytest.param("Attention\u00a0!\ndeux", "Attention\u00a0! deux", id="non-breaking blank of French"),
        pytest.param("<p>\u00a0un\u00a0</p><p>&nbsp;</p><p>deux</p>", "un\ndeux", id="blocks of blanks"),
        pytest.param("a &lt;b&gt; &amp;amp; ё", "a <b> &amp; ё", id="entities"),
        pytest.param("text <!-- hidden --> more <script>alert(1)</script>", "text more", id="comment and script"),
        pytest.param("!!! warning\n    Careful.\n\nAfter.", "Careful.\nAfter.", id="note"),
        pytest.param('!!! danger "Own title"\n    Careful.\n\nAfter.', "Careful.\nAfter.", id="note with own title"),
        pytest.param("Reset your password[^1].\n\n[^1]: By email.", "Reset your password.\nBy email.", id="footnote"),
    ],
)
def test_plain_text_has_the_words_and_nothing_else(body: str, text: str) -> None:
    """No tags, no titles of notes, no marks of footnotes; each block has a line of its own."""
    rendered = render(body, "en")

    assert rendered.text == text


def test_a_heading_is_one_line() -> None:
    """Whatever stands in it."""
    rendered = render("<h2>one<br>two <div>three</div>\nfour</h2><p>text</p>", "en")

    assert [(section.heading, section.text) for section in rendered.sections] == [("one two three four", "text")]
