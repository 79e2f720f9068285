"""Analysis: which ways of writing are one term, what is found whole and in parts, and that no text costs too much."""

import gc
import re
import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from portal.locales import CODES
from portal.search import analyzers
from portal.search.analyzers import WORD_LENGTH, fold, stem, stop_words, terms, without_function_words, words
from portal.search.chains import CHAINS
from portal.search.stemming import stem_of
from tests.needs import REPOSITORY

languages = st.sampled_from(CODES)


@cache
def shipped_words(language: str) -> list[str]:
    """Every word of the shipped articles of a language, as written."""
    texts = (path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "articles" / language).glob("*.md")))
    return sorted({word for text in texts for word in re.findall(r"[^\W\d_]+", text)})


def word_of(language: str) -> st.SearchStrategy[str]:
    return st.sampled_from(shipped_words(language))


@st.composite
def language_and_word(draw: st.DrawFn, *, meaning: bool = False) -> tuple[str, str]:
    """A language with a word of its shipped articles."""
    language = draw(languages)
    word = draw(word_of(language))
    assume(not meaning or terms(language, word))
    return language, word


EQUAL = [
    ("ru", "ещё", "еще"),
    ("ru", "учётной", "учетная"),
    ("ru", "ПРИЁМ", "прием"),
    ("de", "Größe", "GRÖSSE"),
    ("de", "Größe", "Groesse"),
    ("de", "Straße", "Strasse"),
    ("de", "STRAẞE", "Strasse"),
    ("de", "Passwörter", "passworter"),
    ("de", "Passwörter", "Passwoerter"),
    ("fr", "réinitialisé", "reinitialisé"),
    ("fr", "l’accès", "accès"),
    ("fr", "l'accès", "L’ACCÈS"),
    ("fr", "lʼaccès", "acces"),
    ("fr", "d'aujourd'hui", "aujourd’hui"),
    ("fr", "jusqu'au dossier", "dossier"),
    ("fr", "qu’imprimante", "imprimantes"),
    ("fr", "cœur", "coeur"),
    ("fr", "partagée", "partagees"),
    ("en", "passwords", "Password"),
    ("en", "printing", "printed"),
    ("en", "user's", "user’s"),
    ("en", "users’ files", "user file"),
    ("en", "user's", "users"),
    ("en", "naïve", "naive"),
    ("en", "ﬁle", "file"),
    ("en", "ＷｉＦｉ", "wifi"),
    ("fr", "e\u0301cran", "écran"),
    ("de", "Wiederherstellungs\u00adschlüssel", "Wiederherstellungsschlüssel"),
    ("en", "pass\u200bword", "password"),
]


@pytest.mark.parametrize(("language", "first", "second"), EQUAL, ids=[f"{row[1]} = {row[2]}" for row in EQUAL])
def test_two_ways_of_writing_a_word_are_one_term(language: str, first: str, second: str) -> None:
    """Case, accents, umlauts, ß, ё, ligatures, elision, composed or not: the same terms."""
    assert terms(language, first) == terms(language, second)


def unplain(word: str) -> str:
    """A word without its marks; й stays a letter of its own."""
    parts = (sign if sign in "йЙ" else unicodedata.normalize("NFD", sign)[0] for sign in word)
    return "".join(parts)


@given(language_and_word())
@settings(deadline=None)
def test_accents_case_and_composition_never_matter(given_word: tuple[str, str]) -> None:
    """However a word of the articles is typed, it is the same term."""
    language, word = given_word
    word = unicodedata.normalize("NFC", word)

    expected = terms(language, word)

    ways = {
        "plain": unplain(word),
        "upper": word.upper(),
        "title": word.title(),
        "decomposed": unicodedata.normalize("NFD", word),
        "decomposed capitals": unicodedata.normalize("NFD", word.upper()),
        "е": word.replace("ё", "е"),
        "ss": word.replace("ß", "ss"),
        "ligatures": word.replace("fi", "ﬁ").replace("fl", "ﬂ").replace("ff", "ﬀ"),
        "œ": word.replace("oe", "œ"),
        "soft hyphen": word[:1] + "\u00ad" + word[1:] if len(word) > 1 else word,
        "zero width": word[:-1] + "\u200b" + word[-1:] if len(word) > 1 else word,
        "wide": "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in word),
        "quoted": f"“{word}”,",
    }
    assert {name: terms(language, way) for name, way in ways.items()} == dict.fromkeys(ways, expected)


@given(word_of("fr"), st.sampled_from(sorted(CHAINS["fr"].elided)), st.sampled_from("'’ʼ"), st.booleans())
@settings(deadline=None)
def test_what_is_elided_says_nothing(word: str, elided: str, apostrophe: str, upper: bool) -> None:
    """“l’accès” is “accès”, whichever apostrophe and whichever word in front."""
    text = f"{elided}{apostrophe}{word}"

    assert terms("fr", text.upper() if upper else text) == terms("fr", word)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "how do I get the"),
        ("en", "can't I don’t and/or"),
        ("fr", "comment est-ce que les"),
        ("fr", "qu’est-ce que c'est"),
        ("de", "wie kann ich das"),
        ("ru", "как мне это ещё"),
    ],
)
def test_words_without_a_subject_are_no_terms(language: str, text: str) -> None:
    """Stop words leave nothing to search for."""
    assert terms(language, text) == []
    assert without_function_words(text) == ""


@pytest.mark.parametrize(
    ("language", "text"), [("fr", "puis-je"), ("fr", "peux-tu"), ("fr", "peut-être"), ("ru", "как-то")]
)
def test_joined_words_without_a_subject_are_no_terms(language: str, text: str) -> None:
    """“Comment puis-je” asks for nothing that an article could lack."""
    assert all(fold(part) in stop_words(language) or part == "être" for part in text.split("-"))
    assert terms(language, text) == []


#: What is written, and what must find it.
FOUND_BY = [
    ("2.4", ["2.4"]),
    ("802.11ac", ["802.11ac", "802", "11ac"]),
    ("v2.3.1", ["2.3.1", "V2.3.1", "v2"]),
    ("192.168.1.1", ["192.168.1.1", "192.168.1.1."]),
    ("0x80070005", ["0x80070005", "0X80070005", "(0x80070005)"]),
    ("KB5001234", ["kb5001234"]),
    ("ERR_CONNECTION_REFUSED", ["err_connection_refused", "connection refused", "err connection refused"]),
    ("mia@example.org", ["mia@example.org", "MIA@EXAMPLE.ORG", "mia example org", "example.org", "mia"]),
    ("C:\\Windows\\System32", ["c:\\windows\\system32", "Windows System32", "System32", "windows", "system"]),
    ("\\\\server\\share", ["\\\\server\\share", "server share", "share"]),
    ("/etc/hosts", ["/etc/hosts", "etc hosts", "hosts", "etc"]),
    ("/var/log/syslog", ["/var/log/syslog", "var log syslog", "syslog"]),
    ("help.example.org", ["help.example.org", "help example org", "example"]),
    ("https://help.example.org/en/", ["help.example.org", "help.example.org/en", "example"]),
    ("Wi-Fi", ["wifi", "WIFI", "wi-fi", "wi‑fi", "Wi Fi", "wi_fi"]),
    ("wifi", ["Wi-Fi"]),
    ("log-in", ["login", "log in", "log‐in", "logging in"]),
    ("log in", ["log-in"]),
    ("e-mail", ["email", "E-Mail", "mail", "e mail"]),
    ("email", ["e-mail"]),
    ("Office365", ["office 365", "office", "365", "Office365"]),
    ("Ctrl+Alt+Del", ["ctrl+alt+del", "Ctrl + Alt + Del", "ctrl alt del"]),
    ("24/7", ["24/7", "24"]),
    ("USB-C", ["usb-c", "usbc", "USB", "usb c"]),
    ("F12", ["f12"]),
]
FOUND = [(text, query) for text, queries in FOUND_BY for query in queries]


@pytest.mark.parametrize(("text", "query"), FOUND, ids=[f"{text} by {query}" for text, query in FOUND])
def test_names_and_numbers_are_found_whole_and_in_parts(text: str, query: str) -> None:
    """At least one word of the query is a term of the text; of a query without signs, every one."""
    asked, held = set(terms("en", query)), set(terms("en", text))

    assert asked & held
    if re.fullmatch(r"[\w ]+", query) and "_" not in query and "365" not in query and "-" not in text:
        assert asked <= held


@pytest.mark.parametrize(
    "text", ["2.4", "2.3.1", "0x80070005", "mia@example.org", "c:\\windows\\system32", "help.example.org", "24/7"]
)
@pytest.mark.parametrize("language", CODES)
def test_a_name_is_one_term_in_every_language(language: str, text: str) -> None:
    """Whole and as it is written, so that it is rare wherever its parts are not."""
    assert terms(language, f"({text}).")[0] == text


def test_a_name_with_an_ampersand_is_not_lost() -> None:
    """“AT&T” is more than “at” and “t”."""
    assert terms("en", "AT&T") != []


@given(language_and_word(meaning=True), st.data())
@settings(deadline=None)
def test_hyphens_join_and_part(given_word: tuple[str, str], data: st.DataObject) -> None:
    """“log-in” is found as “login”, “log” and “in”, for any two words."""
    language, first = given_word
    second = data.draw(word_of(language))
    assume(len(first + second) <= WORD_LENGTH and terms(language, second) and terms(language, first + second))

    for hyphen in "-‐‑":
        found = terms(language, f"{first}{hyphen}{second}")
        assert found[0] == terms(language, first + second)[0]
        parts = {*terms(language, first), *terms(language, second)}
        assert {part for part in parts if len(part) > 1} <= set(found)


NASTY = st.text(
    st.one_of(st.characters(), st.sampled_from("aé'’ʼ-‐.@/\\:_+&\u0301\u00ad\u200bſßﷺ½①İΐ l1")), max_size=80
)


@given(languages, NASTY)
@settings(deadline=None, max_examples=400)
@example("en", "ﷺ" * WORD_LENGTH)
@example("en", "ΐ" * WORD_LENGTH)
def test_any_text_gives_bounded_terms_and_true_places(language: str, text: str) -> None:
    """No empty or giant term, and every place lies in the text in order."""
    found = list(words(language, text))

    assert all(word.terms and word.text for word in found)
    assert all(0 < len(term) <= WORD_LENGTH and not re.search(r"\s", term) for word in found for term in word.terms)
    assert all(0 <= word.start < word.end <= len(text) for word in found)
    assert all(first.end <= second.start for first, second in pairwise(found))


@given(languages, NASTY)
@settings(deadline=None, max_examples=400)
@example("en", "U_ASE")
def test_a_word_alone_is_what_it_was_in_the_text(language: str, text: str) -> None:
    """The marked place analysed by itself gives the same terms."""
    for word in words(language, text):
        alone = terms(language, text[word.start : word.end])
        assert set(alone) & set(word.terms)
        # What signs join is its term already, of which another stem could be taken.
        is_joined = not text[word.start : word.end].isalnum() and word.text == word.terms[0]
        assert is_joined or stem(language, word.text) in {*word.terms, ""} or not word.text.isalpha()


@given(st.text(max_size=100))
@example("\u0345ſİΐﬃ½ǅ")
def test_folding_twice_changes_nothing_more(text: str) -> None:
    """Folding is idempotent."""
    assert fold(fold(text)) == fold(text)


@given(NASTY)
def test_folding_knows_no_composition_or_case(text: str) -> None:
    """Composed or not, the same; й is kept."""
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))
    assert fold("Й") == fold("и\u0306") == "й"


@given(languages, st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20))
@settings(deadline=None)
def test_no_stem_is_empty_or_longer(language: str, word: str) -> None:
    """A stemmer leaves something of every word, and adds no signs of its own."""
    folded = "".join(filter(str.isalnum, fold(word)))
    assume(folded)

    found = stem_of(language, folded)

    assert found
    assert found.isalnum()
    assert len(found) <= len(folded) + 1


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of some work, the best of three; the garbage of other tests is not counted."""
    times = []
    gc.disable()
    try:
        for _ in range(3):
            begin = time.process_time()
            work()
            times.append(time.process_time() - begin)
    finally:
        gc.enable()
    return min(times)


FLOODS = {
    "letters": "a",
    "accents": "é",
    "marks": "e" + "\u0301" * 30,
    "hyphens": "a-",
    "dots": "1.",
    "apostrophes": "a'",
    "elisions": "l'",
    "more elisions": "jusqu’",
    "paths": "c:\\",
    "numbers": "abc12-",
    "soft hyphens": "a\u00ad",
    "connectors": "-'.@",
    "ligatures": "ﷺ",
    "blanks": "a ",
    "underscores": "a_",
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
@pytest.mark.parametrize("language", CODES)
def test_four_times_the_text_is_about_four_times_the_work(language: str, flood: str) -> None:
    """Nothing grows with the square, whatever is repeated."""
    size = 15_000 // len(flood)

    def work(times: int) -> Callable[[], int]:
        return lambda: sum(1 for _ in words(language, flood * size * times))

    assert cpu(work(4)) <= 8 * max(cpu(work(1)), 0.002)


def afresh(word: str) -> list[str]:
    """The terms of a word, without what was remembered."""
    analyzers.stem.cache_clear()
    return terms("fr", word)


def test_threads_do_not_disturb_each_others_words() -> None:
    """Snowball's stemmers keep the word they work on: words stemmed at once come out as when stemmed alone."""
    vowels, ends = ("a", "é", "ou", "i", "eau"), ("ement", "ations", "eusement", "ités", "ables", "issions")
    many = [f"{first}{vowel}{last}{end}" for first in "bcdfgl" for vowel in vowels for last in "nrst" for end in ends]
    alone = [afresh(word) for word in many]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(afresh, many))

    assert together == alone
