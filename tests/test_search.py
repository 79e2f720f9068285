"""The engine's contract, on the shipped articles and on what people and attackers type."""

import time
from pathlib import Path

import pytest

from portal.errors import SearchUnavailable
from portal.queries import read_query
from portal.search import Clue, Document, Found, SearchIndex, Way
from portal.search.engine import WhooshIndex
from portal.search.whoosh_index import write
from portal.services import Services

PRINTER = (Clue("printer", (Way(("printer",)),)),)


@pytest.fixture
def index(shipped_services: Services) -> SearchIndex:
    """The index of the shipped articles."""
    return shipped_services.edition.index


def ask(
    index: SearchIndex, language: str, text: str, topic: str | None = None, offset: int = 0, limit: int = 10
) -> Found:
    """What the engine finds for a text."""
    return index.search(language, index.clues(language, text), topic, offset, limit)


def slugs(found: Found) -> list[str]:
    """The articles, best first."""
    return [match.slug for match in found.matches]


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
def test_nothing_that_can_be_typed_means_more_than_its_words(
    text: str, index: SearchIndex, shipped_services: Services
) -> None:
    """Operators, wildcards, ranges and floods cost next to nothing and raise nothing."""
    begin = time.process_time()

    found = {code: ask(index, code, read_query(code, text).text) for code in ("en", "ru")}

    assert time.process_time() - begin < 2
    assert all(result.total <= shipped_services.edition.knowledge.counts[code] for code, result in found.items())


@pytest.mark.parametrize("text", ["*", "?????", "(((", '""', "🔥 💧", "\u202e\u202c", ""])
def test_signs_alone_ask_for_nothing(text: str, index: SearchIndex) -> None:
    """Without a word there is no clue, and without a clue nothing is found."""
    assert index.clues("en", text) == ()
    assert ask(index, "en", text) == Found()


def test_a_field_of_the_index_cannot_be_named(index: SearchIndex) -> None:
    """`slug:…` searches for the word, not in the field."""
    named, bare = (
        ask(index, "en", "topic:network slug:reset-password"),
        ask(index, "en", "topic network slug reset-password"),
    )

    assert ask(index, "en", "topic:zzz slug:zzz").total == ask(index, "en", "topic slug").total
    assert {match.slug for match in named.matches} == {match.slug for match in bare.matches}


def test_pages_follow_each_other_and_the_order_is_the_same_each_time(index: SearchIndex) -> None:
    """No match twice, none left out, whichever way they are asked for."""
    everything = slugs(ask(index, "en", "password", limit=100))
    pages = [slug for start in range(0, 100, 7) for slug in slugs(ask(index, "en", "password", None, start, 7))]

    assert len(everything) > 14
    assert pages == everything
    assert len(set(everything)) == len(everything) == ask(index, "en", "password").total


def test_a_topic_narrows(index: SearchIndex, shipped_services: Services) -> None:
    """Only articles of the topic, and fewer, though what the words are worth stays the same."""
    articles = shipped_services.edition.knowledge.articles

    everywhere, network = ask(index, "en", "password"), ask(index, "en", "password", "network")

    assert 0 < network.total < everywhere.total
    assert {articles["en", slug].article.topic for slug in slugs(network)} == {"network"}
    assert network.rarity == everywhere.rarity


def test_words_in_titles_count_more(tmp_path: Path) -> None:
    """A word in the title outranks the same word in the text."""
    filler = " ".join(f"word{number}" for number in range(60))
    documents = [
        Document("in-text", "Something else", "t", "", (), (), f"{filler} printer {filler}"),
        Document("in-title", "Printer", "t", "", (), (), filler + filler),
        Document("in-heading", "Something", "t", "", ("Printer",), (), filler + filler),
    ]
    write(tmp_path / "en", "en", documents)

    found = WhooshIndex(tmp_path).search("en", PRINTER)

    assert slugs(found) == ["in-title", "in-heading", "in-text"]


def test_a_missing_index_is_unavailable_not_empty(tmp_path: Path) -> None:
    """Nobody is told that there is no answer because the index is gone."""
    index = WhooshIndex(tmp_path / "nowhere")

    with pytest.raises(SearchUnavailable):
        index.search("en", PRINTER)
    with pytest.raises(SearchUnavailable):
        index.clues("en", "printer")


def test_a_closed_index_gives_its_files_back(shipped_services: Services) -> None:
    """Opening and closing many times leaves no descriptor open."""
    directory = next((shipped_services.settings.data / "index").iterdir())
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))

    for _ in range(50):
        index = WhooshIndex(directory)
        assert ask(index, "en", "password").total
        index.close()

    assert len(list(descriptors.iterdir())) <= before + 2
