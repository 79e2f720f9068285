"""The engine's contract, on the shipped articles and on what people and attackers type."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import SearchUnavailable
from portal.queries import Query, read_query
from portal.search import Document, analyzers
from portal.search.analyzers import LanguageAnalyzer, fold, terms, words
from portal.search.whoosh_index import WhooshIndex, write
from portal.services import Services


def found(services: Services, language: str, text: str, topic: str | None = None) -> list[str]:
    """Slugs of the first page."""
    return [hit.slug for hit in services.edition.index.search(Query(language, text, topic)).hits]


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
def test_people_find_the_article_that_answers(language: str, text: str, slug: str, shipped_services: Services) -> None:
    """Inflected, capitalised, elided and unaccented words find the article, among the first three."""
    assert slug in found(shipped_services, language, text)[:3]


EQUAL = [
    ("ru", "ещё", "еще"),
    ("ru", "учётной", "учетная"),
    ("de", "Größe", "GRÖSSE"),
    ("de", "Straße", "Strasse"),
    ("de", "Passwörter", "passworter"),
    ("fr", "réinitialisé", "reinitialisé"),
    ("fr", "l’accès", "accès"),
    ("fr", "l'accès", "L’ACCÈS"),
    ("fr", "cœur", "coeur"),
    ("en", "passwords", "Password"),
    ("en", "printing", "printed"),
    ("fr", "e\u0301cran", "écran"),
    ("de", "Wiederherstellungs\u00adschlüssel", "Wiederherstellungsschlüssel"),
]


@pytest.mark.parametrize(("language", "first", "second"), EQUAL, ids=[f"{row[1]} = {row[2]}" for row in EQUAL])
def test_two_ways_of_writing_a_word_are_one_term(language: str, first: str, second: str) -> None:
    """Case, accents, umlauts, ß, ё, ligatures, elision, composed or not: the same terms."""
    assert terms(language, first) == terms(language, second)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "how do I get the"),
        ("fr", "comment est-ce que les"),
        ("de", "wie kann ich das"),
        ("ru", "как мне это ещё"),
    ],
)
def test_words_without_a_subject_are_no_terms(language: str, text: str) -> None:
    """Stop words leave nothing to search for."""
    assert terms(language, text) == []


@given(st.sampled_from(["en", "fr", "de", "ru"]), st.text(max_size=200))
@settings(deadline=None, max_examples=200)
def test_any_text_gives_bounded_terms_and_true_places(language: str, text: str) -> None:
    """No empty or giant term, and every place lies in the text in order."""
    places = list(words(language, text))

    assert all(0 < len(term) <= 200 for term, _, _ in places)
    assert all(0 <= start < end <= len(text) for _, start, end in places)
    assert [start for _, start, _ in places] == sorted(start for _, start, _ in places)


@given(st.text(max_size=100))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    """Folding is idempotent."""
    assert fold(fold(text)) == fold(text)


def test_the_analyzer_is_equal_by_language() -> None:
    """Whoosh keeps it with the index and compares it."""
    assert LanguageAnalyzer("de") == LanguageAnalyzer("de")
    assert LanguageAnalyzer("de") != LanguageAnalyzer("fr")
    assert len({LanguageAnalyzer("de"), LanguageAnalyzer("de")}) == 1


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
def test_nothing_that_can_be_typed_means_more_than_its_words(text: str, shipped_services: Services) -> None:
    """Operators, wildcards, ranges and floods cost next to nothing and raise nothing."""
    begin = time.process_time()

    results = [shipped_services.edition.index.search(read_query(code, text)) for code in ("en", "ru")]

    assert time.process_time() - begin < 2
    assert all(result.total <= 44 for result in results)


def test_a_field_of_the_index_cannot_be_named(shipped_services: Services) -> None:
    """`slug:…` searches for the word, not in the field."""
    assert shipped_services.edition.index.search(Query("en", "topic:zzz slug:zzz")).total == 0


def test_a_phrase_stands_before_its_words_apart(shipped_services: Services) -> None:
    """Quotation marks ask for neighbours."""
    phrase = shipped_services.edition.index.search(Query("en", '"authenticator app"')).total
    apart = shipped_services.edition.index.search(Query("en", "authenticator app")).total

    assert 0 < phrase < apart


def test_pages_follow_each_other_and_the_order_is_the_same_each_time(shipped_services: Services) -> None:
    """No hit twice, none left out, whichever way they are asked for."""
    index = shipped_services.edition.index
    query = Query("en", "password")

    everything = [hit.slug for hit in index.search(query, 0, 44).hits]
    pages = [hit.slug for start in range(0, 44, 7) for hit in index.search(query, start, 7).hits]

    assert pages == everything
    assert len(set(everything)) == len(everything) == index.search(query).total


def test_a_topic_narrows(shipped_services: Services) -> None:
    """Only articles of the topic, and fewer."""
    knowledge = shipped_services.edition.knowledge

    slugs = found(shipped_services, "en", "password", "network")

    assert slugs
    assert {knowledge.articles["en", slug].article.topic for slug in slugs} == {"network"}


def test_words_in_titles_count_more(tmp_path: Path) -> None:
    """A word in the title outranks the same word in the text."""
    filler = " ".join(f"word{number}" for number in range(60))
    documents = [
        Document("in-text", "Something else", "t", "", (), (), f"{filler} printer {filler}"),
        Document("in-title", "Printer", "t", "", (), (), filler + filler),
        Document("in-heading", "Something", "t", "", ("Printer",), (), filler + filler),
    ]
    write(tmp_path / "en", "en", documents)

    hits = WhooshIndex(tmp_path).search(Query("en", "printer")).hits

    assert [hit.slug for hit in hits] == ["in-title", "in-heading", "in-text"]


def test_a_missing_index_is_unavailable_not_empty(tmp_path: Path) -> None:
    """Nobody is told that there is no answer because the index is gone."""
    with pytest.raises(SearchUnavailable):
        WhooshIndex(tmp_path / "nowhere").search(Query("en", "printer"))


def test_a_closed_index_gives_its_files_back(shipped_services: Services) -> None:
    """Opening and closing many times leaves no descriptor open."""
    directory = next((shipped_services.settings.data / "index").iterdir())
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))

    for _ in range(50):
        index = WhooshIndex(directory)
        index.search(Query("en", "password"))
        index.close()

    assert len(list(descriptors.iterdir())) <= before + 2


def afresh(word: str) -> list[str]:
    """The terms of a word, without what was remembered."""
    analyzers._stem.cache_clear()
    return terms("fr", word)


def test_threads_do_not_disturb_each_others_words() -> None:
    """Snowball's stemmers keep the word they work on: words stemmed at once come out as when stemmed alone."""
    vowels, ends = ("a", "é", "ou", "i", "eau"), ("ement", "ations", "eusement", "ités", "ables", "issions")
    many = [f"{first}{vowel}{last}{end}" for first in "bcdfgl" for vowel in vowels for last in "nrst" for end in ends]
    alone = [afresh(word) for word in many]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(afresh, many))

    assert together == alone
