"""Drafts: whatever was searched, the file is an article that the library reads without a problem."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.articles import Status, is_slug
from portal.drafts import UNNAMED, draft, file_name
from portal.library import parse
from portal.queries import read_query

TODAY = date(2026, 3, 2)


@given(st.text(min_size=1, max_size=400))
def test_the_draft_of_any_query_is_read_without_a_problem(typed: str) -> None:
    """Quotes, backslashes, YAML's own signs and every alphabet come back as they were searched."""
    query = read_query("de", typed).text
    if not query:
        return

    read = parse(draft(query, "devices", TODAY, "Text.", [query[:100]]).encode(), "de", "new", "de/new.md")

    assert read.problems == ()
    assert read.article is not None
    assert (read.article.topic, read.article.updated, read.article.body) == ("devices", TODAY, "Text.")
    assert read.article.status is Status.DRAFT
    assert len(read.article.answers) == 1


@pytest.mark.parametrize("query", ["Drucker „offline“", 'a "b": #c', "null", "- x", "C:\\new\\table", "принтер: ё"])
def test_title_and_answer_are_the_query(query: str) -> None:
    """To the letter."""
    read = parse(draft(query, "devices", TODAY, "\nText.\n\n", [query]).encode(), "de", "new", "de/new.md")

    assert read.article is not None
    assert (read.article.title, read.article.answers, read.article.body) == (query, (query,), "Text.")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Drucker für Gäste", "drucker-fuer-gaeste"),
        ("L’imprimante est hors ligne !", "l-imprimante-est-hors-ligne"),
        ("error 0x80070005", "error-0x80070005"),
        ("принтер", UNNAMED),
        ("../../etc", "etc"),
    ],
)
def test_the_file_is_named_after_the_title(title: str, name: str) -> None:
    """Where it has Latin letters."""
    assert file_name(title) == name


@given(st.text(max_size=400))
def test_every_file_name_is_a_slug(title: str) -> None:
    """Also of hostile titles."""
    assert is_slug(file_name(title))
