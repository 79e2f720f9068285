"""What a writer may write into one file, and what they are told of each fault, with path, line and rule."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import library
from portal.articles import Article, Significance, Status, fingerprint
from portal.library import Reading
from portal.problems import Problem, Severity

PATH = "en/vpn.md"


def text(body: str = "Open the app.", **fields: str | None) -> str:
    """An article's file: title on line 2, topic on 3, updated on 4, further fields from 5 on; None leaves one out."""
    front = {"title": "Connect to the VPN", "topic": "network", "updated": "2026-03-31", **fields}
    lines = "".join(f"{key}: {value}\n" for key, value in front.items() if value is not None)
    return f"---\n{lines}---\n\n{body}\n"


def parsed(content: str | bytes) -> Reading:
    """The reading of a file with this content."""
    return library.parse(content.encode() if isinstance(content, str) else content, "en", "vpn", PATH)


def told(problems: tuple[Problem, ...]) -> list[tuple[str, int, str]]:
    """Path, line and code of each problem."""
    return [(problem.path, problem.line, problem.code) for problem in problems]


def article(**changes: object) -> Article:
    """An article with a summary."""
    made = Article("en", "vpn", "Connect to the VPN", "network", date(2026, 3, 31), "Open the app.", "In two steps.")
    return replace(made, **changes)  # type: ignore[arg-type]


def test_every_field_reaches_the_article() -> None:
    """A complete front matter becomes typed values; text is folded to one line; lines are remembered."""
    fields = {
        "title": '"  Connect   to the\n  VPN "', "summary": "In two steps.", "tags": "[vpn, home]",
        "keywords": "[tunnel]", "review_by": '"2026-09-30"', "aliases": "[old-vpn]", "status": "draft",
        "answers": "[how to connect]", "license": "CC-BY-4.0", "origin": "https://example.org",
        "source": '"0123456789abcdef"', "significance": "critical",
    }  # fmt: skip

    found = parsed(text(**fields))

    expected = article(
        tags=("vpn", "home"), keywords=("tunnel",), review_by=date(2026, 9, 30), aliases=("old-vpn",),
        status=Status.DRAFT, answers=("how to connect",), license="CC-BY-4.0", origin="https://example.org",
        source="0123456789abcdef", significance=Significance.CRITICAL,
    )  # fmt: skip
    order = ["topic", "updated", *list(fields)[1:]]
    assert found.article == expected
    assert found.problems == ()
    assert dict(found.lines) == {"title": 2, **{key: line for line, key in enumerate(order, 4)}}
    assert found.body_line == 19


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("title", value) for value in ("no", "1.0", "12:30:45", "2026-03-31", "[a, b]", "{a: b}", "~", "x" * 201)),
        *(("title", value) for value in ("", '""', '"  "')),
        *(("topic", value) for value in ("1", "Network", "two words", "сеть", "a" * 121)),
        *(("updated", value) for value in ("soon", "2026-02-30", '"2026-02-30"', "2026-03-31 12:00:00", "20260331")),
        *(("summary", value) for value in ("1", "yes", '""', "x" * 501)),
        *(("tags", value) for value in ("a", "[1]", "[[a]]", '[""]', "{a: b}", f"[{'a, ' * 100}a]")),
        *(
            ("keywords", "word"),
            ("review_by", "tomorrow"),
            ("answers", "why"),
            ("license", "1"),
            ("origin", "x" * 1001),
        ),
        *(
            ("aliases", "old"),
            ("aliases", "[Old]"),
            ("status", "live"),
            ("status", "[draft]"),
            ("significance", "huge"),
        ),
        *(("source", "1234567890123456"), ("source", "ABCDEF0123456789"), ("source", "abc")),
    ],
    ids=lambda value: value[:24] or "nothing",
)
def test_a_wrong_value_is_an_error_on_its_line(field: str, value: str) -> None:
    """A value of the wrong type, form or length is named with its key and line, and the article is left out."""
    found = parsed(text(**{field: value}))

    line = {"title": 2, "topic": 3, "updated": 4}.get(field, 5)
    assert told(found.problems) == [(PATH, line, "invalid-value")]
    assert found.problems[0].message.startswith(f"{field} ")
    assert found.article is None


@pytest.mark.parametrize(
    "value", ["2026-13-45", "!!bool x", "!!timestamp x", "!!int x", "!!float x", "!!python/object:os.system x"]
)
def test_a_value_that_yaml_cannot_build_is_an_error_on_its_line(value: str) -> None:
    """A tag that does not fit its value, or a day that does not exist, is a problem of that line, not an exception."""
    found = parsed(text(summary=value))

    assert [(problem.path, problem.line) for problem in found.problems] == [(PATH, 5)]
    assert found.article is None


@pytest.mark.parametrize("escaped", [r'"a\0b"', r'"a\x1b[31mb"', r'"a\bb"', r'"a\x7fb"'])
def test_an_escaped_control_character_is_refused_too(escaped: str) -> None:
    """YAML's escapes are no way round the rule against invisible characters."""
    found = parsed(text(title=escaped))

    assert [problem.line for problem in found.problems] == [2]
    assert found.article is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(text(colour="red"), [(5, "unknown-key")], id="unknown key"),
        pytest.param(text(Title="A"), [(5, "unknown-key")], id="key with a capital"),
        pytest.param(text().replace("topic:", "title: B\ntopic:"), [(3, "duplicate-key")], id="duplicate key"),
        pytest.param(text().replace("topic:", "? [a, b]\n: c\ntopic:"), [(3, "bad-yaml")], id="list as a key"),
        pytest.param(text(summary="a: b"), [(5, "bad-yaml")], id="colon without quotation marks"),
        pytest.param(text().replace("topic:", "\ttopic:"), [(3, "bad-yaml")], id="tab"),
        pytest.param(text(title='"Open'), [(2, "bad-yaml")], id="quotation mark without a second"),
        pytest.param(text(title='"Open', summary='"It."'), [(2, "bad-yaml")], id="closed by a later one"),
        pytest.param(text(title="'Open", tags="[a]"), [(2, "bad-yaml")], id="single quotation mark"),
        pytest.param(text(tags="[a, b", answers="[c]"), [(5, "bad-yaml")], id="list without an end"),
        pytest.param(text(title='"\u2028Open', tags="[a"), [(2, "bad-yaml")], id="behind a line separator"),
        pytest.param(text(title='"A', topic='b"', tags="[c"), [(5, "bad-yaml")], id="two lines and a list"),
        pytest.param(text().replace("topic:", "topic\ntopic:"), [(3, "bad-yaml")], id="no colon"),
        pytest.param(text(summary="*a"), [(5, "bad-yaml")], id="unknown alias"),
        pytest.param(text(tags="&a [*a]"), [(5, "bad-yaml")], id="alias to itself"),
        pytest.param("---\n- a\n---\n\nBody.\n", [(2, "bad-yaml")], id="list as front matter"),
        pytest.param(text(title=None), [(1, "missing-title")], id="no title"),
        pytest.param(text(topic=None), [(1, "missing-topic")], id="no topic"),
        pytest.param(text(updated=None), [(1, "missing-updated")], id="no day"),
        pytest.param("Body.\n", [(1, "no-front-matter")], id="no front matter"),
        pytest.param("\n" + text(), [(1, "no-front-matter")], id="front matter on line 2"),
        pytest.param("---\ntitle: A\n\nBody.\n", [(1, "no-front-matter")], id="front matter without an end"),
        pytest.param(text(summary="x" * 16_385), [(1, "front-matter-too-long")], id="front matter too long"),
        pytest.param(text(body=""), [(6, "empty-body")], id="no body"),
        pytest.param(text(body=" \t\n\u00a0"), [(6, "empty-body")], id="blank body"),
        pytest.param(text().rstrip("\n").removesuffix("Open the app.").rstrip(), [(5, "empty-body")], id="ends at ---"),
        pytest.param(b"", [(1, "empty-file")], id="empty file"),
        pytest.param(b" \n\t\r\n", [(1, "empty-file")], id="white space only"),
        pytest.param(text(title="Réseau").encode("latin-1"), [(2, "wrong-encoding")], id="Latin-1 title"),
        pytest.param(text("Voilà").encode("latin-1"), [(7, "wrong-encoding")], id="Latin-1 body"),
        pytest.param(text("à").replace("\n", "\r\n").encode("latin-1"), [(7, "wrong-encoding")], id="Latin-1, CRLF"),
        pytest.param(text("à").replace("\n", "\r").encode("latin-1"), [(7, "wrong-encoding")], id="Latin-1, CR"),
        pytest.param(text().encode("utf-16"), [(1, "wrong-encoding")], id="UTF-16"),
        pytest.param(b"\xfe\xff" + text().encode("utf-16-be"), [(1, "wrong-encoding")], id="UTF-16, big end first"),
        pytest.param(text("[" * 2001), [(7, "too-many-brackets")], id="too many brackets"),
        pytest.param(text(title="a\0b"), [(2, "control-character")], id="NUL"),
        *(pytest.param(text(f"a{c}"), [(7, "control-character")], id=f"U+{ord(c):04X}") for c in "\0\a\b\v\f\x1b\x7f"),
        pytest.param(
            text(summary='"a\u2028b"', colour="red"),
            [(5, "invalid-value"), (6, "unknown-key")],
            id="line separator is no line",
        ),
        pytest.param(text(summary='"a\x85b"', colour="red"), [(6, "unknown-key")], id="next line is no line"),
    ],
)
def test_a_broken_file_is_named_with_line_and_rule(content: str | bytes, expected: list[tuple[int, str]]) -> None:
    """Each fault has its code and the line that an editor shows, and the article is left out."""
    found = parsed(content)

    assert told(found.problems) == [(PATH, line, code) for line, code in expected]
    assert found.article is None
    assert str(found.problems[0]).startswith(f"{PATH}:{expected[0][0]}: error {expected[0][1]}: ")


def test_all_problems_of_a_file_are_told_at_once() -> None:
    """A writer mends a file in one go: nothing hides behind the first fault."""
    content = "\ufeff---\ntitle: no\ntopic: A B\ncolour: red\ntopic: b\ntags: 1\n---\n\n"

    found = parsed(content)

    assert told(found.problems) == [
        (PATH, 1, "byte-order-mark"),
        (PATH, 1, "missing-updated"),
        (PATH, 2, "invalid-value"),
        (PATH, 3, "invalid-value"),
        (PATH, 4, "unknown-key"),
        (PATH, 5, "duplicate-key"),
        (PATH, 6, "invalid-value"),
        (PATH, 8, "empty-body"),
    ]


def test_words_that_yaml_takes_for_a_remark_are_named() -> None:
    """Words are cut off at a # without quotation marks; a remark beside a day, a list or quoted words cuts nothing."""
    fields = {
        "title": "A # b", "updated": "2026-03-31 # checked", "summary": '"a # b" # c', "tags": "[a, b] # c",
        "answers": "\n  - x\n  - y # z", "origin": "a#b", "keywords": "[a,\n  b # c\n  ]",
    }  # fmt: skip

    found = parsed(text(**fields))

    assert told(found.problems) == [(PATH, line, "yaml-comment") for line in (2, 9, 12)]
    assert found.problems[0].message.startswith("title ends before “# b”")
    assert found.problems[0].severity is Severity.WARNING
    assert found.article is not None
    assert (found.article.title, found.article.answers) == ("A", ("x", "y"))


def test_a_byte_order_mark_is_only_a_warning() -> None:
    """What Windows editors put in front of a file does not keep the article from its readers."""
    found = parsed(b"\xef\xbb\xbf" + text().encode())

    assert found.article == parsed(text()).article
    assert told(found.problems) == [(PATH, 1, "byte-order-mark")]
    assert found.problems[0].severity is Severity.WARNING


@pytest.mark.parametrize("end", ["\r\n", "\r"], ids=["CRLF", "CR"])
def test_line_ends_do_not_matter(end: str) -> None:
    """A file from Windows or an old Mac is the same article, line by line, with the same fingerprint."""
    content = text("One.\n\nTwo é.", title="Réseau")

    there, here = parsed(content.replace("\n", end)), parsed(content)

    assert there == here
    assert there.article is not None
    assert here.article is not None
    assert fingerprint(there.article) == fingerprint(here.article)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda block: f"---\n{block}\n---\nBody.\n".encode()))
def test_any_bytes_give_an_article_or_an_error(raw: bytes) -> None:
    """Whatever stands in a file, it is an article or has an error with path and line, never an exception."""
    found = parsed(raw)

    errors = [problem for problem in found.problems if problem.severity is Severity.ERROR]
    assert (found.article is None) == bool(errors)
    assert all(problem.path == PATH and problem.line >= 1 for problem in found.problems)
