"""Suggestions while typing: what fits, in which order, and what was meant where nothing fits."""

import random
import re
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.search.lexicon import Lexicon
from portal.search.suggestions import Kind, Suggestion, Suggestions

TITLES = {
    "reset": "Reset your password", "set": "Set a password", "fr": "Réinitialiser l’imprimante", "wifi": "Wi-Fi 2.4 GHz",
    "ru": "Ещё раз войти", "de": "Straße ändern",
}  # fmt: skip
SOME = settings(max_examples=100, deadline=None)


def made(
    titles: Mapping[str, str],
    headings: Iterable[tuple[str, str, str]] = (),
    queries: Iterable[str] = (),
    words: str = "",
    language: str = "en",
) -> Suggestions:
    """Suggestions of a small library; `words` are what its articles also contain."""
    lexicon = Lexicon(dict.fromkeys(" ".join([*titles.values(), words]).lower().split(), 1))
    return Suggestions(titles.items(), headings, queries, lexicon, language)


def slugs(titles: Mapping[str, str], typed: str, limit: int = 7, language: str = "en") -> list[str]:
    """The articles that are suggested."""
    return [found.slug for found in made(titles, language=language).complete(typed, limit)]


def texts(found: Iterable[Suggestion]) -> list[tuple[str, str]]:
    """Kind and text of what is suggested."""
    return [(suggestion.kind.value, suggestion.text) for suggestion in found]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("pass", ["reset", "set"]), ("PASS re", ["reset"]), ("zzz", []), ("reset pass your", ["reset"]), ("", []),
        ("  -!? ", []), ("REINIT", ["fr"]), ("réinit", ["fr"]), ("reinit", ["fr"]), ("impr", ["fr"]),
        ("еще", ["ru"]), ("ЕЩЁ раз", ["ru"]), ("войти", ["ru"]), ("strass", ["de"]), ("straß", ["de"]), ("andern", ["de"]),
        ("2.4", ["wifi"]), ("2 4 wi", ["wifi"]), ("wifi", ["wifi"]), ("wi-f", ["wifi"]), ("wi fi 2", ["wifi"]),
        ("a b c d e f g h", []),
    ],
)  # fmt: skip
def test_every_word_begins_a_word(typed: str, expected: list[str]) -> None:
    """In any order; accents, umlauts, ß, ё, hyphens and capitals make no difference."""
    assert sorted(slugs(TITLES, typed)) == expected


@pytest.mark.parametrize(
    ("language", "title", "typed"),
    [
        ("fr", "Refuser l’accès", "l'acc"), ("fr", "Refuser l’accès", "refuser acces"), ("fr", "Accès refusé", "l’accès"),
        ("fr", "Accès refusé", "lacces"), ("fr", "Ouvrir jusqu'aujourd’hui", "aujourdhui"), ("en", "You can’t print", "cant"),
        ("en", "You cant print", "can't"), ("de", "Dateien übertragen", "uebertr"), ("de", "Daten uebertragen", "übert"),
        ("de", "Größe ändern", "groesse"), ("en", "Set up email", "e-mail"), ("en", "Set up E-Mail", "email"),
        ("fr", "Re\u0301initialiser", "réinit"), ("fr", "Réinitialiser", "re\u0301ini"), ("de", "Lade\u00adgerät", "ladeger"),
    ],
)  # fmt: skip
def test_ways_to_write_the_same(language: str, title: str, typed: str) -> None:
    """Elision, apostrophes, umlauts with e, hyphens and decomposed accents find each other."""
    assert slugs({"it": title, "other": "Zebra"}, typed, language=language) == ["it"]


def test_order() -> None:
    """Queries and then titles that begin with the text, other titles, other queries, headings; the shorter first."""
    titles = {"b": "A VPN", "c": "VPN and token", "a": "VPN on a Mac", "d": "B VPN"}
    headings = [("x", "s", "VPN of nobody"), ("e", "s2", "Use the VPN"), ("f", "s1", "VPN, once more, and longer")]
    found = made(titles | {"e": "Print", "f": "Scan"}, headings, ["my vpn", "vpn slow", "vpn"]).complete("vpn", 20)

    assert texts(found) == [
        ("query", "vpn"), ("query", "vpn slow"), ("title", "VPN on a Mac"), ("title", "VPN and token"), ("title", "A VPN"),
        ("title", "B VPN"), ("query", "my vpn"), ("heading", "VPN, once more, and longer"), ("heading", "Use the VPN"),
    ]  # fmt: skip
    assert found[2:4] == [Suggestion(Kind.TITLE, "VPN on a Mac", "a"), Suggestion(Kind.TITLE, "VPN and token", "c")]


def test_no_more_than_wanted() -> None:
    """Seven unless told, the same at every call and whatever the order of the articles."""
    many = {f"s{number}": f"Step {number:02d}" for number in range(20)}
    shuffled = dict(sorted(many.items(), reverse=True))

    assert slugs(many, "step") == slugs(shuffled, "step") == [f"s{number}" for number in range(7)]
    assert slugs(many, "step", 2) == ["s0", "s1"]


def test_a_heading_leads_to_its_section() -> None:
    """With the anchor, and the title of its article as context."""
    found = made({"reset": "Reset a password"}, [("reset", "phone", "On a phone")]).complete("phone")

    assert found == [Suggestion(Kind.HEADING, "On a phone", "reset", "phone", "Reset a password")]


def test_an_article_comes_once() -> None:
    """Of several sections the best one; beside the title only one that begins with the text when the title does not."""
    titles = {"vpn": "VPN setup", "mac": "Setup for a Mac"}
    headings = [("vpn", "a", "Setup at home"), ("mac", "b", "Mac setup"), ("mac", "c", "Setup on a new Mac mini")]
    suggestions = made(titles, [*headings, ("mac", "d", "Tools"), ("mac", "e", "Tools for a Mac")])

    assert texts(suggestions.complete("setup")) == [
        ("title", "Setup for a Mac"),
        ("title", "VPN setup"),
        ("heading", "Setup at home"),
    ]
    assert texts(suggestions.complete("mac setup")) == [("title", "Setup for a Mac"), ("heading", "Mac setup")]
    assert texts(suggestions.complete("tools")) == [("heading", "Tools")]


def test_a_query_that_is_a_title_is_not_shown_beside_it() -> None:
    """The article itself is nearer; the same query in two spellings is shown once."""
    found = made({"reset": "Reset a Password"}, (), ["reset a password", "Reset", "reset"]).complete("reset")

    assert texts(found) == [("query", "Reset"), ("title", "Reset a Password")]


@pytest.mark.parametrize(
    ("language", "title", "typed"),
    [
        ("en", "Reset your password", "pasw"), ("en", "Reset your password", "reset pasword"),
        ("en", "Reset your password", "rset pasw"), ("en", "Reset your password", "oassw"), ("en", "Reset your password", "apssw"),
        ("en", "Reset your password", "зфыыц"), ("en", "Reset your password", "куыуе зфы"), ("en", "Reset your password", "resetting passwords"),
        ("ru", "Сбросить холодный пароль", "gfhj"), ("ru", "Сбросить холодный пароль", "[jkjl"),
        ("ru", "Сбросить холодный пароль", "gfhjkm c,hj"), ("ru", "Сбросить холодный пароль", "порол"), ("ru", "Пароль для Outlook", "outlook gfhjk"),
        ("ru", "Сбросить холодный пароль", "сбросьте пароля"), ("ru", "Сбросить холодный пароль", "parol"),
        ("de", "Zeile löschen", "yeile"), ("de", "Drucker einrichten", "druker einr"), ("fr", "Modifier l’accès", "l'acse"),
    ],
)  # fmt: skip
def test_what_was_meant(language: str, title: str, typed: str) -> None:
    """Mistyped beginnings, the wrong layout and other forms of the words find the article."""
    assert slugs({"it": title, "other": "Zebra"}, typed, language=language) == ["it"]


@pytest.mark.parametrize("typed", ["pas7w", "paw", "qqqqqqqq", "zebra kitten", "wifi9", "0x80070005"])
def test_nothing_is_made_up(typed: str) -> None:
    """Words with digits, short words and words that nothing is near are not taken for others."""
    assert slugs({"it": "Reset your password"}, typed) == []


def test_what_fits_comes_before_what_may_have_been_meant() -> None:
    """Where only little fits, guesses follow; where enough fits, there are none."""
    few = {"a": "Пить vfhn", "b": "Карта: март"}
    many = few | {f"m{number}": f"vfhn {number}" for number in range(3)}

    assert slugs(few, "vfhn", language="ru") == ["a", "b"]
    assert "b" not in slugs(many, "vfhn", language="ru")


@pytest.mark.parametrize(
    "typed",
    [
        "a" * 200_000, "a " * 100_000, "\x00", "\ud800", "'" * 200, "l'" * 100, "-" * 200, "a-" * 100, "ſ" * 200, "ﷺ" * 200,
        " ".join("qxzwvk" + sign for sign in "abcdefghijklmnop"), "\U0010ffff", "𝕒𝕓", "½ ①", "p" * 64 + "\u0301" * 100,
    ],
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "fr", "de", "ru"])
def test_hostile_text(typed: str, language: str) -> None:
    """Any text is answered with a few suggestions or none."""
    found = made({"a": "A a", "l": "L’air 1 ½"}, [("a", "s", "Aa-aa")], ["b"], language=language).complete(typed)

    assert len(found) <= 7


def test_an_empty_library() -> None:
    """Nothing to suggest is no error."""
    assert made({}).complete("vpn") == []
    assert made({"odd": "?!"}, [("odd", "s", "…")], ["-"]).complete("vpn") == []


@SOME
@given(st.lists(st.text("abäéёеж -’", max_size=12), max_size=12, unique=True), st.randoms(use_true_random=False))
def test_every_title_is_suggested_for_its_words(titles: list[str], chance: random.Random) -> None:
    """Beginnings of a title's own words, in any order, find the title."""
    suggestions = made({str(number): title for number, title in enumerate(titles)})

    for number, title in enumerate(titles):
        words = [word for word in re.split("[ -]", title) if word.strip("’")][:8]
        beginnings = [word.strip("’")[: chance.randint(1, len(word.strip("’")))].upper() for word in words]
        chance.shuffle(beginnings)
        found = suggestions.complete(" ".join(beginnings), len(titles))
        assert Suggestion(Kind.TITLE, title, str(number)) in found or not words
