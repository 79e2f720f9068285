"""The thesaurus: synonyms and translations of a query's clues, in four languages and however they are written."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.locales import CODES
from portal.search import Clue, Way
from portal.search.analyzers import Split, words
from portal.search.thesaurus import CLUES, SYNONYM, WAYS, Glossary, SynonymGroup, Thesaurus
from portal.vocabulary import read_glossary, read_synonyms
from tests.needs import REPOSITORY

PARTS = {"druckerproblem": ("drucker", "problem"), "netzlaufwerk": ("netz", "laufwerk")}
SHIPPED = Thesaurus(
    {code: read_synonyms(REPOSITORY / "articles", code)[0] for code in CODES}, read_glossary(REPOSITORY / "articles")[0]
)


def split(word: str) -> tuple[str, ...]:
    """The parts of the two compounds that tests use."""
    return PARTS.get(word, ())


def clues(
    language: str, text: str, take_apart: Split | None = None, known: Callable[[str], bool] = lambda _term: True
) -> tuple[Clue, ...]:
    """The clues of a query as the engine makes them, for an index that has the terms that are known."""
    found: dict[str, Clue] = {}
    for word in words(language, text, take_apart):
        for term in [term for term in word.terms if known(term)] or word.terms[:1]:
            found.setdefault(term, Clue(word.text, (Way((term,)),)))
    return tuple(found.values())


def grouped(language: str, *groups: str) -> Thesaurus:
    """A thesaurus of the lines of one language."""
    made = []
    for line in groups:
        sides = [tuple(term.strip() for term in side.split(",")) for side in line.split("=>")]
        made.append(SynonymGroup(*sides))
    return Thesaurus({language: made}, {}, {"de": split})


def added(thesaurus: Thesaurus, language: str, query: str) -> list[set[str]]:
    """The terms of the ways that each clue is given, of each way joined by blanks."""
    given = clues(language, query, split if language == "de" else None)
    return [{" ".join(way.terms) for way in clue.ways[1:]} for clue in thesaurus.expand(language, given, query)]


@pytest.mark.parametrize(
    ("language", "group", "query", "expected"),
    [
        ("en", "laptop, notebook", "notebooks slow", [{"laptop"}, set()]),
        ("fr", "courriel, e-mail", "l’e-mail et courriels", [{"courriel"}, {"courriel"}, {"courriel"}, {"email"}]),
        ("de", "Kennwort, Passwort", "KENNWÖRTER", [{"passwor"}]),
        ("ru", "учётка, аккаунт", "учетку закрыли", [{"аккаунт"}, set()]),
        ("ru", "беспроводная сеть, вайфай", "беспроводную сеть", [{"вайфа"}, {"вайфа"}]),
    ],
)
def test_a_term_finds_the_others_of_its_group(language: str, group: str, query: str, expected: list[set[str]]) -> None:
    """Whatever its case, accents and endings; a term of several words gives to each of them."""
    assert added(grouped(language, group), language, query) == expected


@pytest.mark.parametrize("written", ["two-factor", "two factor", "twofactor"])
@pytest.mark.parametrize("asked", ["two-factor", "two factor", "twofactor", "Two‑Factor"])
@pytest.mark.parametrize("known", [lambda _term: True, lambda term: term == "factor", lambda _term: False])
def test_joined_and_apart_are_the_same_term(written: str, asked: str, known: Callable[[str], bool]) -> None:
    """However it is written in the file and in the query, and whichever of its terms articles have."""
    thesaurus = grouped("en", f"{written} login, mfa")

    expanded = thesaurus.expand("en", clues("en", f"{asked} login", known=known))

    assert all(Way(("mfa",), SYNONYM) in clue.ways for clue in expanded)


def test_what_is_joined_is_searched_as_a_whole_and_as_parts() -> None:
    """Articles write it either way; parts of one or two letters say too little."""
    thesaurus = grouped("en", "mfa, two-factor login, e-mail")

    assert added(thesaurus, "en", "mfa") == [{"twofactor login", "two factor login", "email"}]
    assert added(thesaurus, "en", "twofactor login") == [{"mfa", "email", "two factor login"}] * 2


def test_compounds_are_taken_apart_as_in_queries() -> None:
    """“Drucker Problem” is “Druckerproblem”; a part of a compound has synonyms of its own."""
    thesaurus = grouped("de", "Druckerproblem, Papierstau", "Laufwerk, Festplatte")

    assert added(thesaurus, "de", "Drucker Problem") == [{"papierstau", "druckerprobl"}] * 2
    assert added(thesaurus, "de", "Druckerproblem") == [{"papierstau"}] * 3
    assert added(thesaurus, "de", "Netzlaufwerk") == [set(), set(), {"festplatt"}]


def test_an_arrow_leads_one_way() -> None:
    """The left finds the right; neither the right the left, nor the left each other."""
    thesaurus = grouped("en", "onedrive, dropbox => cloud storage, cloud")

    assert added(thesaurus, "en", "dropbox") == [{"cloud storag", "cloud"}]
    assert added(thesaurus, "en", "cloud") == [set()]


def test_a_run_within_a_longer_one_adds_nothing() -> None:
    """Mobile working is no telephone; runs side by side both count."""
    thesaurus = grouped("en", "mobile => phone", "mobile working, telework", "laptop, notebook")

    assert added(thesaurus, "en", "mobile working laptop") == [{"telework"}, {"telework"}, {"notebook"}]
    assert added(thesaurus, "en", "working mobile") == [set(), {"phone"}]


def test_words_that_are_not_searched_must_still_be_there() -> None:
    """“Office” is not “out of office”, nor is that a way to say anything unless it comes first in its group."""
    thesaurus = grouped("en", "automatic reply, out of office", "sign in, login")

    assert added(thesaurus, "en", "office chair") == [set(), set()]
    assert added(thesaurus, "en", "I am out of the office") == [{"automat repli"}]
    assert added(thesaurus, "en", "automatic reply") == [set(), set()]
    assert added(thesaurus, "en", "login") == [{"sign"}]
    without_text = thesaurus.expand("en", clues("en", "office"))
    assert without_text[0].ways[1:] == (Way(("automat", "repli"), SYNONYM),)


def test_of_terms_that_are_searched_alike_the_one_that_is_written_counts() -> None:
    """“Drucker” and “drucken” have one stem and two translations; a form that is neither has both."""
    glossary: Glossary = {
        "printer": {"de": ("Drucker",), "en": ("printer",)},
        "print": {"de": ("drucken",), "en": ("print",)},
    }
    thesaurus = Thesaurus({}, glossary)

    assert thesaurus.translate("de", "en", clues("de", "Drucker")) == ((Way(("printer",)),),)
    assert thesaurus.translate("de", "en", clues("de", "drucken")) == ((Way(("print",)),),)
    assert len(thesaurus.translate("de", "en", clues("de", "Druckers"))[0]) == 2


def test_the_terms_of_an_entry_translate_each_other_and_are_synonyms() -> None:
    """The first is worth most; a run of several words gives to each; what is not known has nothing."""
    glossary: Glossary = {
        "mailbox": {"en": ("mailbox",), "fr": ("boîte aux lettres", "boîte mail")},
        "shared-mailbox": {"en": ("shared mailbox",), "fr": ("boîte partagée",), "ru": ("общий ящик",)},
    }
    thesaurus = Thesaurus({}, glossary)

    found = thesaurus.translate("en", "fr", clues("en", "open shared mailbox"))

    assert found == ((), (Way(("boit", "partag")),), (Way(("boit", "partag")),))
    assert thesaurus.translate("en", "fr", clues("en", "mailboxes")) == (
        (Way(("boit", "lettr")), Way(("boit", "mail"), SYNONYM)),
    )
    # The longest that is known in that language.
    assert thesaurus.translate("fr", "ru", clues("fr", "boîte mail")) == ((), ())
    assert added(thesaurus, "fr", "boîte mail") == [{"boit lettr"}] * 2


@pytest.mark.parametrize(
    ("source", "target", "query", "terms"),
    [
        ("en", "de", "shared mailbox", {"freigegeb postfach", "gruppenpostfach", "funktionspostfach"}),
        ("de", "ru", "Zwei-Faktor-Authentifizierung", {"втор фактор", "двухфакторн аутентификац"}),
        ("fr", "en", "j’ai oublié mon mot de passe", {"forgotten", "password"}),
        ("ru", "fr", "забыл пароль учетной записи", {"oubl", "mot pass", "compt"}),
        ("en", "ru", "printer offline", {"принтер", "офлайн"}),
    ],
)
def test_the_shipped_glossary_translates(source: str, target: str, query: str, terms: set[str]) -> None:
    """What readers ask in one language, in another."""
    found = SHIPPED.translate(source, target, clues(source, query), query)

    assert terms <= {" ".join(way.terms) for ways in found for way in ways}


@pytest.mark.parametrize(
    ("language", "query", "terms"),
    [
        ("en", "wi fi", {"wlan"}),
        ("fr", "double authentification", {"2fa", "second facteur"}),
        ("de", "Kennwort", {"passwor"}),
        ("ru", "аккаунт", {"учетн зап", "учетн запис"}),
    ],
)
def test_the_shipped_synonyms_are_found(language: str, query: str, terms: set[str]) -> None:
    """In each language."""
    assert all(terms <= ways for ways in added(SHIPPED, language, query))


def test_it_is_kept_as_text() -> None:
    """What is read again says the same, byte for byte."""
    again = Thesaurus.from_text(SHIPPED.to_text())

    assert again.to_text() == SHIPPED.to_text()
    assert added(again, "en", "wifi") == added(SHIPPED, "en", "wifi") != [set()]
    assert Thesaurus.from_text(Thesaurus({}, {}).to_text()).expand("en", clues("en", "wifi")) == clues("en", "wifi")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        '{"synonyms": [], "glossary": {}}',
        '{"synonyms": {"en": [["a"]]}, "glossary": {}}',
        '{"synonyms": {"en": [["ab", "cd"]]}, "glossary": {}}',
        '{"synonyms": {"en": [[["a"], [1]]]}, "glossary": {}}',
        '{"synonyms": {"en": 1}, "glossary": {}}',
        '{"synonyms": {}, "glossary": {"a": []}}',
        '{"synonyms": {}, "glossary": {"a": {"en": "abc"}}}',
    ],
)
def test_a_damaged_text_is_told(text: str) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(ValueError, match="not a thesaurus"):
        Thesaurus.from_text(text)


def test_a_long_query_is_looked_at_to_a_bound() -> None:
    """Further clues stay as they are."""
    query = " ".join([*(f"word{n}x" for n in range(CLUES)), "wifi"])

    expanded = SHIPPED.expand("en", clues("en", query), query)

    assert expanded[CLUES:] == clues("en", query)[CLUES:]


SOME = st.sampled_from(
    "two-factor two factor twofactor sign in out of office mail e-mail принтер сеть не в Druckerproblem Problem "
    "netzlaufwerk l’accès l' 2fa - &= a a1 ß ﬁ".split()
)
TERM = st.lists(SOME, min_size=1, max_size=4).map(" ".join) | st.text(max_size=12)
TERMS = st.lists(TERM, max_size=12).map(tuple)
LANGUAGE = st.sampled_from([*CODES, "xx"])


@settings(deadline=None)
@given(
    st.dictionaries(LANGUAGE, st.lists(st.builds(SynonymGroup, TERMS, TERMS), max_size=4), max_size=3),
    st.dictionaries(st.text(max_size=3), st.dictionaries(LANGUAGE, TERMS, max_size=3), max_size=3),
    LANGUAGE,
    LANGUAGE,
    st.lists(SOME, max_size=20).map(" ".join) | st.text(max_size=60),
    st.booleans(),
)
def test_the_own_way_stays_first_and_all_is_bounded(
    synonyms: dict[str, list[SynonymGroup]],
    glossary: dict[str, dict[str, tuple[str, ...]]],
    source: str,
    target: str,
    query: str,
    told: bool,
) -> None:
    """Whatever stands in the files and whatever is asked, nothing is raised."""
    thesaurus = Thesaurus.from_text(json.dumps(json.loads(Thesaurus(synonyms, glossary).to_text())), {"de": split})
    asked = clues(source if source in CODES else "en", query, split)
    text = query if told else None

    expanded = thesaurus.expand(source, asked, text)
    translated = thesaurus.translate(source, target, asked, text)

    assert [(clue.text, clue.ways[0]) for clue in expanded] == [(clue.text, clue.ways[0]) for clue in asked]
    assert all(way.worth == SYNONYM and way.terms for clue in expanded for way in clue.ways[1:])
    assert all(len({way.terms for way in clue.ways}) == len(clue.ways) <= WAYS for clue in expanded)
    assert len(translated) == len(asked)
    assert all(len({way.terms for way in ways}) == len(ways) <= WAYS for ways in translated)
    assert all(way.worth in {SYNONYM, 1.0} for ways in translated for way in ways)


def test_clues_that_nothing_has_made_are_no_harm() -> None:
    """None, without ways, and with ways of several terms."""
    strange = (Clue("", ()), Clue("mail", (Way(("two", "factor")), Way(("mail",), 0.5))), Clue("mail", ()))

    expanded = SHIPPED.expand("en", strange)

    assert SHIPPED.expand("en", ()) == () == SHIPPED.translate("en", "fr", ())
    assert expanded[1].ways[:2] == strange[1].ways
