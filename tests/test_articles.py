"""The rules of articles as values: slugs, fingerprints, freshness and which language is the source."""

import unicodedata
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.articles import (
    Article,
    Freshness,
    Significance,
    Status,
    Topic,
    fingerprint,
    freshness,
    is_slug,
    source_language,
)

PREFERRED = ("en", "fr", "de", "ru")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
WORDS = st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=6), min_size=1, max_size=6)
SPACES = st.sampled_from([" ", "\n", "\r\n", "\r", "\t", "   ", " \n\n ", "\u00a0", "\u202f"])


def article(**changes: object) -> Article:
    """An article with a summary."""
    made = Article("en", "vpn", "Connect to the VPN", "network", date(2026, 3, 31), "Open the app.", "In two steps.")
    return replace(made, **changes)  # type: ignore[arg-type]


def folded(text: str) -> str:
    """Text as a reader sees it: composed, with single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, True) for text in ("vpn", "reset-password", "802.1x", "a_b", "7", "a" * 120)),
        *(
            (text, False)
            for text in ("", "a" * 121, "VPN", "größe", "впн", "a b", "-a", "a-", "a--b", "..", "a/b", "a\n")
        ),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_slugs_are_small_latin_words_joined_by_single_signs(text: str, expected: bool) -> None:
    """A slug is an address and a file name on every system."""
    found = is_slug(text)

    assert found is expected


def test_a_fingerprint_is_sixteen_hexadecimal_digits() -> None:
    """It fits into front matter, and the same text always has the same one."""
    found = fingerprint(article())

    assert len(found) == 16
    assert set(found) <= set("0123456789abcdef")
    assert found == fingerprint(article())


@settings(deadline=None, max_examples=100)
@given(words=WORDS, spaces=st.lists(SPACES, min_size=8, max_size=8), name=st.sampled_from(["title", "summary", "body"]))
def test_white_space_and_line_ends_do_not_change_a_fingerprint(words: list[str], spaces: list[str], name: str) -> None:
    """A re-wrapped paragraph or another system's line ends are no change."""
    respaced = spaces[-1] + "".join(word + space for word, space in zip(words, spaces, strict=False))

    found = fingerprint(article(**{name: respaced}))

    assert found == fingerprint(article(**{name: " ".join(words)}))


@settings(deadline=None, max_examples=100)
@given(title=TEXTS, summary=TEXTS, body=TEXTS)
def test_unicode_composition_does_not_change_a_fingerprint(title: str, summary: str, body: str) -> None:
    """The same letters composed or decomposed, as macOS saves them, are no change."""
    texts = {"title": title, "summary": summary, "body": body}

    composed, decomposed = (
        fingerprint(article(**{name: unicodedata.normalize(form, text) for name, text in texts.items()}))
        for form in ("NFC", "NFD")
    )

    assert composed == decomposed


@settings(deadline=None, max_examples=100)
@given(before=TEXTS, after=TEXTS, name=st.sampled_from(["title", "summary", "body"]))
def test_any_other_change_changes_a_fingerprint(before: str, after: str, name: str) -> None:
    """Texts that readers can tell apart have different fingerprints, and only those."""
    found = fingerprint(article(**{name: before})) == fingerprint(article(**{name: after}))

    assert found == (folded(before) == folded(after))


@pytest.mark.parametrize(
    "moved",
    [
        {"title": "Connect to the", "summary": "VPN In two steps."},
        {"title": "Connect to the VPN In two steps.", "summary": ""},
        {"summary": "", "body": "In two steps. Open the app."},
        {"summary": "In two steps. Open", "body": "the app."},
    ],
    ids=["title to summary", "summary to title", "summary to body", "body to summary"],
)
def test_a_word_that_moves_to_another_field_changes_a_fingerprint(moved: dict[str, str]) -> None:
    """A translator has to follow when the title or the summary gains or loses words, wherever they went."""
    found = fingerprint(article(**moved))

    assert found != fingerprint(article())


def test_what_translators_do_not_translate_does_not_count() -> None:
    """Topic, day, tags, status and the like can change without making translations stale."""
    other = article(
        topic="devices", updated=date(2026, 4, 1), tags=("vpn",), keywords=("tunnel",), status=Status.DRAFT,
        significance=Significance.CRITICAL, language="fr", slug="other",
    )  # fmt: skip

    found = fingerprint(other)

    assert found == fingerprint(article())


@pytest.mark.parametrize(
    ("source", "current", "significance", "expected"),
    [
        (None, "a", None, Freshness.UNKNOWN),
        (None, "a", Significance.TYPO, Freshness.UNKNOWN),
        (None, None, Significance.CRITICAL, Freshness.UNKNOWN),
        ("a", None, None, Freshness.UNKNOWN),
        ("a", "a", None, Freshness.FRESH),
        ("a", "a", Significance.CONTENT, Freshness.FRESH),
        ("a", "a", Significance.CRITICAL, Freshness.FRESH),
        ("a", "b", Significance.TYPO, Freshness.FRESH),
        ("a", "b", None, Freshness.STALE),
        ("a", "b", Significance.CONTENT, Freshness.STALE),
        ("a", "b", Significance.CRITICAL, Freshness.OUTDATED),
    ],
)
def test_freshness_is_decided_by_fingerprints(
    source: str | None, current: str | None, significance: Significance | None, expected: Freshness
) -> None:
    """Equal is fresh; different is stale, outdated after a critical change, and still fresh after typing errors."""
    found = freshness(source, current, significance)

    assert found is expected


@pytest.mark.parametrize(
    ("languages", "preferred", "expected"),
    [
        pytest.param({"en": None}, PREFERRED, "en", id="alone"),
        pytest.param({"de": None, "en": "f"}, PREFERRED, "de", id="the one that names no source"),
        pytest.param({"ru": None, "fr": None}, PREFERRED, "fr", id="two: the preferred one"),
        pytest.param({"en": None, "fr": None}, ("fr", "en", "de", "ru"), "fr", id="two: another preference"),
        pytest.param({"en": "f", "fr": "f"}, PREFERRED, None, id="all name one"),
        pytest.param({}, PREFERRED, None, id="none"),
    ],
)
def test_the_source_is_the_first_language_that_names_none(
    languages: dict[str, str | None], preferred: tuple[str, ...], expected: str | None
) -> None:
    """Translations name the text they were made from, so the source is who does not."""
    found = source_language(languages, preferred)

    assert found == expected


@pytest.mark.parametrize(("language", "expected"), [("fr", "Réseau"), ("de", "Home network"), ("ru", "Home network")])
def test_a_topic_without_a_name_shows_its_slug(language: str, expected: str) -> None:
    """A missing or empty name never leaves a blank on the page."""
    topic = Topic("home-network", {"fr": "Réseau", "de": ""})

    found = topic.name(language)

    assert found == expected
