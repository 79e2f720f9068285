"""The contract of search, the same for every engine behind it, on the shipped articles and on what people type."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from portal.edition import Edition, Editions
from portal.evaluation import ranking
from portal.locales import CODES
from portal.publishing import Publisher
from portal.queries import Query, read_query
from portal.search import Found, SearchIndex
from portal.selfservice import answer
from portal.services import Services
from portal.settings import Settings
from tests.needs import REPOSITORY
from tests.searching import BOTH, Engine, ask, engine_of, slugs

#: Largest difference between the engines' MRR@10.
TOLERANCE = 0.02


@pytest.fixture(scope="module", params=BOTH)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each of the engines."""
    with engine_of(request) as made:
        yield made


@pytest.fixture(scope="module")
def edition(engine: Engine, shipped: Settings, tmp_path_factory: pytest.TempPathFactory) -> Edition:
    """The shipped articles."""
    data = shipped.data
    if engine.url:
        data = tmp_path_factory.mktemp("shipped-beside")
        Publisher(REPOSITORY / "articles", data, engine.url).publish(datetime.now(UTC))
    return Editions(data, "en", Settings().cuts, search=engine.url).current()


@pytest.fixture
def index(edition: Edition) -> SearchIndex:
    """The index of the shipped articles."""
    return edition.index


NATURAL = [
    ("en", "forgot my password", "reset-password"),
    ("en", "printers offline", "printer-offline"),
    ("en", "mailbox is full", "mailbox-full"),
    ("en", "authenticator lost phone", "lost-phone"),
    ("en", "BitLocker recovery", "disk-encryption-key"),
    ("fr", "mot de passe oublié", "reset-password"),
    ("fr", "l'imprimante est hors ligne", "printer-offline"),
    ("fr", "L’IMPRIMANTE HORS LIGNE", "printer-offline"),
    ("fr", "boite aux lettres pleine", "mailbox-full"),
    ("fr", "verrouillage du compte", "unlock-account"),
    ("de", "Passwort vergessen", "reset-password"),
    ("de", "Drucker offline", "printer-offline"),
    ("de", "Papierstau", "paper-jam"),
    ("de", "PASSWÖRTER vergessen", "reset-password"),
    ("de", "Tastaturlayout umstellen", "keyboard-layout"),
    ("ru", "забыл пароль", "reset-password"),
    ("ru", "принтер не печатает", "printer-offline"),
    ("ru", "учетная запись заблокирована", "unlock-account"),
    ("ru", "учётная запись заблокирована", "unlock-account"),
    ("ru", "медленный компьютер", "slow-computer"),
]


@pytest.mark.parametrize(("language", "text", "slug"), NATURAL, ids=[f"{row[0]}: {row[1]}" for row in NATURAL])
def test_people_find_the_article_that_answers(language: str, text: str, slug: str, index: SearchIndex) -> None:
    """Inflected, capitalised, elided and unaccented words find the article, among the first three."""
    assert slug in slugs(ask(index, language, text))[:3]


HOSTILE = [
    "*",
    "*a*",
    "?????",
    "word~9",
    "[a TO z]",
    "key:1 slug:x text:password",
    "(" * 5000,
    '"' * 99,
    '"password',
    "a AND NOT b OR",
    "password^9999999",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "'); DROP TABLE search1_postings; --",
    "%s %(x)s {} $1 \\",
    "\u202epassword\u202c",
    "\x00password\x00",
    "🔥 💧",
    "..%2f..%2fetc/passwd",
    "a " * 50_000,
    "x" * 100_000,
    "password " * 400,
    "{{7*7}} ${jndi:ldap://x}",
    "ﷺ" * 200,
]


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text[:20]) for text in HOSTILE])
def test_nothing_that_can_be_typed_means_more_than_its_words(text: str, edition: Edition) -> None:
    """Operators, wildcards, ranges and floods cost next to nothing and raise nothing."""
    begin = time.process_time()

    found = {code: ask(edition.index, code, read_query(code, text).text) for code in ("en", "ru")}

    assert time.process_time() - begin < 20
    assert all(result.total <= edition.knowledge.counts[code] for code, result in found.items())
    assert ask(edition.index, "en", "password").total


@pytest.mark.parametrize("text", ["*", "?????", "(((", '""', "🔥 💧", "\u202e\u202c", ""])
def test_signs_alone_ask_for_nothing(text: str, index: SearchIndex) -> None:
    """Without a word there is no clue, and without a clue nothing is found."""
    assert index.clues("en", text) == ()
    assert ask(index, "en", text) == Found()


def test_a_field_of_the_index_cannot_be_named(index: SearchIndex) -> None:
    """`slug:…` searches for the word, not in the field; a topic's list is no word."""
    named, bare = (
        ask(index, "en", "topic:network slug:reset-password"),
        ask(index, "en", "topic network slug reset-password"),
    )

    assert ask(index, "en", "topic:zzz slug:zzz").total == ask(index, "en", "topic slug").total
    assert {match.slug for match in named.matches} == {match.slug for match in bare.matches}
    assert ask(index, "en", " network").total == ask(index, "en", "network").total


def test_pages_follow_each_other_and_the_order_is_the_same_each_time(index: SearchIndex) -> None:
    """No match twice, none left out, whichever way they are asked for."""
    everything = slugs(ask(index, "en", "password", limit=100))
    pages = [slug for start in range(0, 100, 7) for slug in slugs(ask(index, "en", "password", None, start, 7))]

    assert len(everything) > 14
    assert pages == everything
    assert len(set(everything)) == len(everything) == ask(index, "en", "password").total


def test_a_topic_narrows(edition: Edition) -> None:
    """Only articles of the topic, and fewer, though what the words are worth stays the same."""
    articles, index = edition.knowledge.articles, edition.index

    everywhere, network = ask(index, "en", "password"), ask(index, "en", "password", "network")

    assert 0 < network.total < everywhere.total
    assert {articles["en", slug].article.topic for slug in slugs(network)} == {"network"}
    assert network.rarity == everywhere.rarity
    assert ask(index, "en", "password", "no-such-topic").matches == ()


#: The embedded engine need not be compared with itself.
beside = pytest.mark.parametrize("engine", ["postgresql"], indirect=True, scope="module")


def judged(language: str) -> list[tuple[str, list[str]]]:
    """The judged queries that come with the articles: text, and what answers it."""
    lines = (REPOSITORY / "tests" / "judgments" / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    return [(row[0], row[1].split()) for row in (line.split("\t") for line in lines[1:])]


@beside
@pytest.mark.parametrize("language", CODES)
def test_every_engine_finds_the_same_in_the_same_order(
    language: str, edition: Edition, shipped_services: Services
) -> None:
    """They share analysis and ranking, so they differ in nothing but rounding; not even in how sure they are."""
    known, index = shipped_services.edition.index, edition.index
    for text, _ in judged(language):
        clues = index.clues(language, text)
        here, there = index.search(language, clues), known.search(language, clues)
        assert clues == known.clues(language, text)
        assert (slugs(here), here.total) == (slugs(there), there.total), text
        assert here.rarity == pytest.approx(there.rarity)
        assert [match.score for match in here.matches] == pytest.approx([match.score for match in there.matches])
        assert (here.known, here.in_title, here.in_headings) == (there.known, there.in_title, there.in_headings)
    assert index.lexicon(language).counts == known.lexicon(language).counts


@beside
@pytest.mark.parametrize("language", CODES)
def test_every_engine_answers_judged_queries_as_well(
    language: str, edition: Edition, shipped_services: Services
) -> None:
    """Within the tolerance, as readers ask: with everything that is made of a query."""
    figures = []
    for each in (edition, shipped_services.edition):
        rows = []
        for text, relevant in judged(language)[::2]:
            found = answer(each, Query(language, text))
            if relevant:
                rows.append((relevant, [result.item.article.slug for result in found.results]))
        figures.append(ranking(rows)["mrr@10"])
    assert figures[0] == pytest.approx(figures[1], abs=TOLERANCE)
    assert figures[0] > 0.5
