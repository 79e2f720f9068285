"""Coverage and freshness by language, of what is read most."""

from collections import Counter
from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.articles import Freshness, Significance, fingerprint
from portal.knowledge import KnowledgeBase
from portal.locales import CODES
from portal.problems import Problem
from portal.writing.planning.status import (
    LACKING,
    TOPS,
    State,
    Visits,
    coverage,
    most_read,
    opened,
    ranked,
    states,
    texts,
)
from tests.test_knowledge import a_base, an_article

SOME = settings(deadline=None, max_examples=60)


def family(slug: str, significance: Significance = Significance.CONTENT, **codes: str) -> list:  # type: ignore[type-arg]
    """The English source and translations that were made from it as it is, as it was, or nobody knows from what."""
    source = an_article("en", slug, significance=significance, body=slug)
    made_from = {"now": fingerprint(source), "before": "0" * 16, "unknown": None}
    return [source, *(an_article(code, slug, source=made_from[state]) for code, state in codes.items())]


def library() -> KnowledgeBase:
    """Four families: a is whole, b stale in French, c outdated in German and missing in Russian, d is English only."""
    return a_base(
        *family("a", fr="now", de="now", ru="now"),
        *family("b", fr="before", de="now", ru="before"),
        *family("c", Significance.CRITICAL, fr="unknown", de="before"),
        *family("d"),
    )


def test_every_language_says_what_it_has_and_how_fresh() -> None:
    """The source is fresh; what names no source is unknown; what is not there is missing."""
    rows = {row.language: row for row in coverage(library(), Visits(), (None,))}

    assert {code: dict(row.states) for code, row in rows.items()} == {
        "en": {State.FRESH: 4},
        "fr": {State.FRESH: 1, State.STALE: 1, State.UNKNOWN: 1, State.MISSING: 1},
        "de": {State.FRESH: 2, State.OUTDATED: 1, State.MISSING: 1},
        "ru": {State.FRESH: 1, State.STALE: 1, State.MISSING: 2},
    }
    assert (rows["fr"].articles, rows["fr"].there, rows["fr"].coverage, rows["fr"].freshness) == (4, 3, 0.75, 1 / 3)


def test_the_most_read_are_the_same_for_all_languages() -> None:
    """So that they can be compared; what nobody has opened is not among them."""
    base = library()
    visits = Visits({("ru", "d"): 5, ("en", "c"): 3, ("de", "c"): 3, ("fr", "a"): 1}, date(2026, 1, 1))

    order, visited = ranked(base, visits)
    rows = {(row.language, row.top): row for row in coverage(base, visits, (1, 2, 20, None))}

    assert (order, visited) == (("c", "d", "a", "b"), 3)
    assert [rows["ru", top].articles for top in (1, 2, 20, None)] == [1, 2, 3, 4]
    assert [rows["ru", top].there for top in (1, 2, 20, None)] == [0, 0, 1, 2]
    assert [text.slug for text in texts(base, visits, "ru", top=2)] == ["c", "d"]
    assert [(text.slug, text.state, text.views, text.place) for text in texts(base, visits, "ru")] == [
        ("c", State.MISSING, 0, 1), ("d", State.MISSING, 5, 2), ("b", State.STALE, 0, 4),
    ]  # fmt: skip
    assert [text.title_language for text in texts(base, visits, "ru", (State.FRESH, State.MISSING))] == [
        "en", "en", "ru",
    ]  # fmt: skip


def test_without_a_visit_nothing_is_read_most() -> None:
    """There is no share of nothing."""
    rows = coverage(library(), Visits())

    assert {row.articles for row in rows if row.top is not None} == {0}
    assert {(row.coverage, row.freshness) for row in rows if row.top is not None} == {(None, None)}
    assert all(row.coverage is None for row in coverage(a_base(), Visits()))


def test_what_was_read_under_an_earlier_slug_counts() -> None:
    """A renamed article keeps its readers; what is gone has none."""
    base = a_base(an_article(slug="new", aliases=("old",)))
    visits = Visits({("en", "old"): 3, ("en", "new"): 2, ("fr", "gone"): 9})

    assert opened(base, visits) == {("en", "new"): 5}
    assert ranked(base, visits) == (("new",), 1)


def test_what_has_an_error_is_not_missing_and_its_translations_are_not_unknown() -> None:
    """The file is there; whether the others are fresh can be told when it is mended."""
    fault = Problem("en/a.md", 4, "unknown-key", "There is no topik.")
    made = a_base(*family("a", fr="now", de="now")[1:])
    base = KnowledgeBase("1", made.articles, (), "en", broken=(fault, Problem("topics.yml", 1, "bad-yaml", "No.")))

    [english] = texts(base, Visits(), "en")
    rows = {row.language: row for row in coverage(base, Visits(), (None,))}

    assert base.faults == {("en", "a"): fault}
    assert (english.state, english.fault) == (State.ERROR, fault)
    assert (rows["en"].articles, rows["en"].there) == (1, 0)
    assert dict(rows["de"].states) == {State.WAITING: 1}
    assert dict(rows["ru"].states) == {State.MISSING: 1}
    assert texts(base, Visits(), "de") == []


@SOME
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefg"), st.sets(st.sampled_from(CODES), min_size=1), st.booleans()),
        unique_by=lambda each: each[0],
        max_size=7,
    ),
    st.dictionaries(st.tuples(st.sampled_from(CODES), st.sampled_from("abcdefgz")), st.integers(1, 9)),
)
def test_all_figures_agree(made: list[tuple[str, set[str], bool]], views: dict[tuple[str, str], int]) -> None:
    """Every article is in one state in each language; lists and figures say the same, and freshness is the library's."""
    articles = [an_article(code, slug) for slug, codes, _ in made for code in codes]
    articles = [replace(each, source="0" * 16 if each.language == "ru" else None) for each in articles]
    base, visits = a_base(*articles), Visits(views)
    known = states(base)

    for row in coverage(base, visits, (1, 3, *TOPS)):
        of_list = Counter(text.state for text in texts(base, visits, row.language, tuple(State), row.top))
        assert of_list == {state: count for state, count in row.states.items() if count}
        assert row.there <= row.articles <= (row.top or 99)
    for (code, slug), state in known.items():
        item = base.articles.get((code, slug))
        freshness = base.freshness(item) if item else None
        expected = State.MISSING if freshness is None else State.FRESH if freshness is Freshness.SOURCE else freshness
        assert state == expected
    assert sum(map(len, most_read(base, visits).values())) == len(base.families) * len(CODES)
    assert State.FRESH not in LACKING
