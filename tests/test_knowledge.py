"""The knowledge base as pages ask for it, and snippets of results."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.articles import Article, Freshness, Significance, Topic, fingerprint
from portal.knowledge import KnowledgeBase, Published, most_helpful
from portal.search.analyzers import terms
from portal.search.snippets import LENGTH, Snippet, snippet

SOME = settings(deadline=None, max_examples=100)
TOPICS = (Topic("network", {"en": "Network"}), Topic("accounts", {"en": "Accounts", "ru": "Учётные записи"}))
#: Five different days; the later in the alphabet, the earlier in time.
DAYS = {slug: date(2026, 11, 20 - number) for number, slug in enumerate("abcde")}


def an_article(language: str = "en", slug: str = "vpn", **changes: Any) -> Article:
    """An article of the topic network; its title is its slug in capitals."""
    values: dict[str, Any] = {"title": slug.upper(), "topic": "network", "updated": date(2026, 11, 20)}
    return Article(language, slug, **(values | changes))


def a_base(*articles: Article, topics: tuple[Topic, ...] = TOPICS, default: str = "en") -> KnowledgeBase:
    """A generation that has these articles."""
    items = {(item.language, item.slug): Published(item, fingerprint(item)) for item in articles}
    return KnowledgeBase("1", items, topics, default)


def helpful(base: KnowledgeBase, tallies: Mapping[str, tuple[int, int]], limit: int = 9, **options: str) -> str:
    """The slugs of the most helpful English articles, joined."""
    by_article = {("en", slug): tally for slug, tally in tallies.items()}
    return "".join(item.article.slug for item in most_helpful(base, "en", by_article, limit, **options))


def five(**changes: Any) -> KnowledgeBase:
    """The English articles a to e, the first of which is the newest."""
    return a_base(*(an_article(slug=slug, updated=day) for slug, day in DAYS.items()), **changes)


def cut(query: str, *texts: str, language: str = "en") -> Snippet:
    """The snippet from sections with the anchors s0, s1 and so on."""
    sections = [(f"s{number}", f"Section {number}", text) for number, text in enumerate(texts)]
    return snippet(language, frozenset(terms(language, query)), sections)


def shown(found: Snippet) -> str:
    """A snippet with its marks as brackets."""
    return "".join(f"[{text}]" if is_word else text for text, is_word in found.pieces)


def test_families_and_counts() -> None:
    """A slug is one family whatever its languages; each language knows how many articles it has."""
    base = a_base(an_article("en"), an_article("ru"), an_article("fr", "wifi"))

    assert base.families == {"vpn": {"en", "ru"}, "wifi": {"fr"}}
    assert base.counts == {"en": 1, "fr": 1, "de": 0, "ru": 1}


@pytest.mark.parametrize(
    ("reader", "existing", "chosen"),
    [
        ("fr", "en fr de ru", "fr"), ("fr", "en de ru", "en"), ("fr", "de ru", "de"), ("fr", "ru", "ru"),
        ("en", "fr de ru", "fr"), ("en", "de ru", "de"), ("de", "en fr ru", "en"), ("de", "fr ru", "fr"),
        ("ru", "en fr de", "en"), ("ru", "fr de", "de"),
    ],
)  # fmt: skip
def test_choose(reader: str, existing: str, chosen: str) -> None:
    """A reader gets a family in their language, else in the best fallback; an unknown slug gives nothing."""
    base = a_base(*(an_article(code) for code in existing.split()))

    found = base.choose(reader, "vpn")

    assert found is base.articles[chosen, "vpn"]
    assert base.choose(reader, "unknown") is None


def test_aliases() -> None:
    """An earlier slug of any translation leads to the article, unless another article has the slug now."""
    base = a_base(
        an_article("en", "vpn", aliases=("tunnel", "wifi")), an_article("ru", "vpn", aliases=("vpn-ru", "vpn")),
        an_article("en", "wifi"),
    )  # fmt: skip

    assert base.aliases == {"tunnel": "vpn", "vpn-ru": "vpn"}


def test_shelves() -> None:
    """Topics stand in their order, unnamed ones last by slug, empty ones not at all."""
    base = a_base(
        an_article(slug="a", topic="zebra"), an_article(slug="b", topic="accounts"), an_article(slug="c", topic="misc"),
        an_article("ru", "d", topic="network"), topics=(*TOPICS, Topic("empty", {"en": "Empty"})),
    )  # fmt: skip

    shelves = base.shelves("en")

    assert [shelf.topic.slug for shelf in shelves] == ["network", "accounts", "misc", "zebra"]
    assert [[item.article.slug for item in shelf.articles] for shelf in shelves] == [["d"], ["b"], ["c"], ["a"]]
    assert base.shelf("en", "accounts") == shelves[1]
    assert base.shelf("en", "empty") is None
    assert (base.topic("accounts"), base.topic("misc")) == (TOPICS[1], Topic("misc"))


def test_articles_of_a_shelf() -> None:
    """A family stands on a shelf once, in the reader's language where it can, by title whatever its capitals."""
    base = a_base(
        an_article("en", "x", title="beta"), an_article("ru", "x", title="Яхта"), an_article("en", "y", title="Alpha"),
        an_article("en", "w", title="alpha"), an_article("fr", "z", title="Zut"), an_article("ru", "z", title="Аист"),
    )  # fmt: skip

    english, russian = (base.shelves(code)[0].articles for code in ("en", "ru"))

    assert [item.article.title for item in english] == ["alpha", "Alpha", "beta", "Zut"]
    assert [(item.article.language, item.article.slug) for item in russian] == [
        ("en", "w"), ("en", "y"), ("ru", "z"), ("ru", "x"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("significance", "named", "freshness"),
    [
        (Significance.CONTENT, "now", Freshness.FRESH),
        (Significance.CRITICAL, "now", Freshness.FRESH),
        (Significance.TYPO, "then", Freshness.FRESH),
        (Significance.CONTENT, "then", Freshness.STALE),
        (None, "then", Freshness.STALE),
        (Significance.CRITICAL, "then", Freshness.OUTDATED),
        (Significance.CRITICAL, None, Freshness.UNKNOWN),
    ],
)
def test_freshness(significance: Significance | None, named: str | None, freshness: Freshness) -> None:
    """A translation is as fresh as the fingerprint that it names and the weight of the source's last change."""
    source = an_article("en", body="New text.", significance=significance)
    prints = {"now": fingerprint(source), "then": "0123456789abcdef", None: None}
    base = a_base(source, an_article("de", source=prints[named]))

    assert base.freshness(base.articles["de", "vpn"]) is freshness
    assert base.freshness(base.articles["en", "vpn"]) is Freshness.SOURCE


def test_source() -> None:
    """The source names none itself: the default language's text first, and none where every text names one."""
    both, german = (an_article("en"), an_article("de")), an_article("de", source="0123456789abcdef")

    assert a_base(*both, default="de").source("vpn") == Published(both[1], fingerprint(both[1]))
    assert a_base(*both, default="ru").source("vpn") == Published(both[0], fingerprint(both[0]))
    base = a_base(german)
    assert base.source("vpn") is None
    assert base.freshness(base.articles["de", "vpn"]) is Freshness.UNKNOWN


def test_related() -> None:
    """Related are articles of the same topic and language, most shared tags first, then by title, four at most."""
    tags = {"a": ("vpn", "home"), "b": ("vpn", "home", "token"), "c": ("vpn",), "d": ("home",), "e": (), "f": ()}
    base = a_base(
        *(an_article(slug=slug, tags=own) for slug, own in tags.items()),
        an_article("fr", "g", tags=("vpn", "home")), an_article(slug="h", topic="accounts", tags=("vpn", "home")),
    )  # fmt: skip

    assert [item.article.slug for item in base.related("en", "a")] == ["b", "c", "d", "e"]
    assert [item.article.slug for item in base.related("en", "a", 2)] == ["b", "c"]
    assert base.related("fr", "g") == base.related("en", "unknown") == ()


@pytest.mark.parametrize(
    ("tallies", "order"),
    [
        # C = (.8 + 1 + 0) / 3 = .6, m = 108 / 3 = 36: a 101.6/136 = .75, b 25.6/40 = .64, c 21.6/40 = .54.
        ({"a": (80, 100), "b": (4, 4), "c": (0, 4)}, "abdec"),
        # C = (.95 + 1) / 2 = .975, m = 101 / 2 = 50.5: c 144.24/150.5 = .958, d 50.24/51.5 = .9755.
        ({"c": (95, 100), "d": (1, 1)}, "dcabe"),
        # C = (.95 + 1 + .2) / 3 = .717, m = 111 / 3 = 37: c 121.5/137 = .887, d 27.5/38 = .724, e 28.5/47 = .607.
        ({"c": (95, 100), "d": (1, 1), "e": (2, 10)}, "cdabe"),
        # C = 2.733 / 5 = .547, m = 17 / 5 = 3.4: b 3.859/5.4 = .715, a .650, e .447, d .437, c .422.
        ({"a": (1, 1), "b": (2, 2), "c": (0, 1), "d": (4, 10), "e": (1, 3)}, "baedc"),
        ({"e": (1, 2), "d": (0, 0)}, "eabcd"),
        ({}, "abcde"),
    ],
    ids=["mean-of-shares", "few-votes", "one-vote-and-a-hundred", "five", "no-votes", "nobody-voted"],
)
def test_most_helpful(tallies: Mapping[str, tuple[int, int]], order: str) -> None:
    """The best by (C·m + yes) ÷ (m + votes) come first; articles without votes follow, the newest first, then the unhelpful."""
    found = helpful(five(), tallies)

    assert found == order


def test_unhelpful_articles_come_last() -> None:
    """An article that fewer than half found helpful stands behind those that nobody has judged."""
    base = five(topics=(Topic("network", featured=("e",)),))

    found = helpful(base, {"d": (0, 3)})

    assert found == "eabcd"


def test_featured() -> None:
    """Without votes the first featured of every topic precede the second of any; the limit and the topic narrow."""
    topics = (Topic("network", featured=("c", "b")), Topic("accounts", featured=("y", "x")))
    others = [an_article(slug=slug, topic="accounts") for slug in "xyz"]
    base = a_base(*(an_article(slug=slug, updated=DAYS[slug]) for slug in "abc"), *others, topics=topics)

    assert helpful(base, {}) == "cybxaz"
    assert helpful(base, {"z": (1, 1)}, 3) == "zcy"
    assert helpful(base, {}, topic="network") == "cba"


def test_most_helpful_in_one_language() -> None:
    """Only articles in the reader's language are given, by the votes on these."""
    base = a_base(an_article("en", "a"), an_article("en", "b"), an_article("fr", "b"), an_article("fr", "c"))

    found = most_helpful(base, "en", {("fr", "a"): (9, 9), ("fr", "b"): (0, 9), ("en", "b"): (3, 4)}, 9)

    assert [(item.article.language, item.article.slug) for item in found] == [("en", "b"), ("en", "a")]


def test_whole_text() -> None:
    """A short text is shown whole, with every form of the query's words marked and the section named."""
    found = cut("resetting passwords", "Before you start.", "Reset the password: a reset takes an hour.")

    assert shown(found) == "[Reset] the [password]: a [reset] takes an hour."
    assert (found.anchor, found.heading) == ("s1", "Section 1")


@pytest.mark.parametrize("language", ["en", "fr", "de", "ru"])
def test_nothing_found(language: str) -> None:
    """Where no word occurs the beginning is shown, from no section, cut after a whole word; no text, no pieces."""
    beginning = cut("принтер drucker", "", "word " * 100, "other", language=language)

    assert shown(beginning) == "word " * 39 + "word …"
    assert (beginning.anchor, beginning.heading) == ("", "")
    assert cut("vpn") == cut("vpn", "", "") == Snippet(())


def test_window() -> None:
    """In the middle of a long text the window begins and ends with whole words and an ellipsis."""
    found = cut("printer", "filler " * 60 + "the printer works " + "padding " * 60)

    assert shown(found) == "… " + "filler " * 5 + "the [printer] works " + "padding " * 17 + "padding …"


def test_most_different_words_win() -> None:
    """The section with more of the query's words is shown, though another has one of them more often."""
    found = cut("reset password", "Password, password, password.", "Reset it.", "Reset the password.")

    assert (found.anchor, shown(found)) == ("s2", "[Reset] the [password].")


def test_first_of_equal_sections() -> None:
    """Of sections with as many different words the first is shown, however often they occur in a later one."""
    found = cut("printer", "The printer is off.", "Printer, printer, printer.")

    assert found.anchor == "s0"


@pytest.mark.parametrize("gap", [10, 100, 150, 170, 185])
def test_every_visible_word_is_marked(gap: int) -> None:
    """No word of the query stands in the window without its mark."""
    found = cut("printer", "printer " + "x" * gap + " printer " + "padding " * 60)

    assert not [text for text, is_word in found.pieces if not is_word and "printer" in text]


@SOME
@given(
    st.lists(st.lists(st.text("abdehnrtxyéß", min_size=1, max_size=30), max_size=120), max_size=4),
    st.sampled_from(("en", "fr", "de", "ru")),
    st.data(),
)
def test_snippet_is_a_quotation(sections: list[list[str]], language: str, data: st.DataObject) -> None:
    """A snippet without its ellipses is a run of whole words of its section, at most two lines; marks are the query's."""
    words = [word for section in sections for word in section]
    query = " ".join(data.draw(st.lists(st.sampled_from(words), max_size=3))) if words else ""
    texts = [" ".join(section) for section in sections]

    found = cut(query, *texts, language=language)

    quotation = "".join(text for text, _ in found.pieces).removeprefix("… ").removesuffix(" …")
    source = texts[int(found.anchor[1:])] if found.anchor else next(filter(None, texts), "")
    assert f" {quotation} " in f" {source} "
    assert len(quotation) <= LENGTH
    assert quotation == source or len(source) > LENGTH
    wanted = set(terms(language, query))
    assert all(set(terms(language, text)) <= wanted for text, is_word in found.pieces if is_word)
    assert any(is_word for _, is_word in found.pieces) or not wanted
