"""The lines of an article that a query is about: which are chosen, where they are cut, what is marked in them."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.search.analyzers import Split, terms, words
from portal.search.compounds import Splitter
from portal.search.snippets import LENGTH, REMEMBERED_OF_ONE, SCANNED, Snippet, marked, snippet

SOME = settings(deadline=None, max_examples=150)
LANGUAGES = ("en", "fr", "de", "ru")
#: Takes the German compounds of these tests apart.
SPLIT = Splitter(
    "de",
    dict.fromkeys(
        "netzwerk drucker druckern passwort konto einstellung einstellungen menu menue eintrag wort".split(), 5
    ),
).split
#: Words of four languages and what is no word at all, as articles have them.
FORMS = (
    "Printer printers policy policies storing log-in e-mail E-Mail user’s Wi-Fi 0x80070005 v2.3.1 C:\\Windows\\x and/or "
    "l'accès d’imprimante aujourd'hui réseaux re\u0301seau journaux journal application appliquer cœur ＶＰＮ oﬁce "
    "Netzwerkdrucker Drucker gedruckt Straße STRASSE prüfen pruefen Kontoeinstellungen Menü-Eintrag Geräte Neue Pass\u00adwort "
    "ещё Еще пароль паролей Настройки и\u0306од йод Office365 365 a@b-c.de x_y 1/2 ½ … – ( ) (Drucker) „VPN“ ’tis 𝐕 😀 漢字 İstanbul ß"
).split()


def split_of(language: str) -> Split | None:
    """What takes the compounds of a language apart."""
    return SPLIT if language == "de" else None


def wanted(language: str, query: str) -> frozenset[str]:
    """The analysed terms of a query."""
    return frozenset(terms(language, query, split_of(language)))


def cut(query: str, *texts: str, language: str = "en", headings: tuple[str, ...] = (), **rarity: float) -> Snippet:
    """The snippet from sections with the anchors s0, s1 and so on."""
    named = (*headings, *(f"Part {number}" for number in range(len(headings), len(texts))))
    sections = [(f"s{number}", heading, text) for number, (heading, text) in enumerate(zip(named, texts, strict=True))]
    return snippet(language, wanted(language, query), sections, split_of(language), rarity)


def brackets(pieces: tuple[tuple[str, bool], ...]) -> str:
    """Pieces as text, with marks as brackets."""
    return "".join(f"[{text}]" if is_word else text for text, is_word in pieces)


def title(language: str, query: str, text: str) -> str:
    """A text with marks as brackets."""
    return brackets(marked(language, wanted(language, query), text, split_of(language)))


@pytest.mark.parametrize(
    ("language", "query", "text"),
    [
        ("en", "reset passwords", "[Resetting] a [password], [PASSWORDS] and [resets]"),
        ("en", "policy", "[Policies] and [policy], not police"),
        ("fr", "imprimante partagée", "Les [imprimantes] [partagées], une [IMPRIMANTE] [partagee]"),
        ("fr", "application", "[Applications] [appliquées]"),
        ("de", "drucken", "[Drucke], [gedruckt], [drucken], Dach"),
        ("de", "Anträge", "Der [Antrag] eines [Antrages], [ANTRAEGE]"),
        ("ru", "пароль", "[Пароли], [паролем] и [ПАРОЛЕЙ], не парта"),
        ("ru", "настройки", "[Настройка] в [настройках]"),
    ],
)
def test_inflection(language: str, query: str, text: str) -> None:
    """A word is marked in every form, and no other word that begins like it."""
    assert title(language, query, text.replace("[", "").replace("]", "")) == text


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("Drucker", "Der [Netzwerkdrucker] und die [Netzwerkdruckern]"),
        ("Netzwerk", "Der [Netzwerkdrucker]"),
        ("Netzwerkdrucker", "Ein [Drucker] im [Netzwerk], ein [Netzwerk-Drucker]"),
        ("Einstellung", "Die [Kontoeinstellungen]"),
        ("Eintrag", "Der [Menüeintrag], der [Menü-Eintrag], der [Menueeintrag]"),
        ("Wort", "Das Passwort: ein [Wort]"),
    ],
)
def test_compounds(query: str, text: str) -> None:
    """A compound is marked whole for each of its parts, and its parts for it; what only ends alike is no part."""
    assert title("de", query, text.replace("[", "").replace("]", "")) == text


@pytest.mark.parametrize(
    ("language", "query", "text"),
    [
        ("fr", "reseau", "[réseau] [re\u0301seau] [RÉSEAU]"),
        ("fr", "cœur", "[coeur] [Cœur]"),
        ("de", "strasse", "[Straße] [STRASSE] ßß [Straße]"),
        ("de", "Prüfung", "ß [Prüfung] [Pruefung] [Prufung]"),
        ("de", "Passwort", "ß [Pass\u00adwort]"),
        ("ru", "ещё елка ёлка", "[ёлка] [Елки]"),
        ("ru", "йод", "[ЙОД] [и\u0306од]"),
        ("en", "office vpn find", "[ＯＦＦＩＣＥ] 😀 [VPN] [ﬁnd]"),
        ("en", "istanbul", "İ [İstanbul] [istanbul]"),
    ],
)
def test_accents(language: str, query: str, text: str) -> None:
    """Accents, ß, ё, ligatures and widths make no difference, and no place is lost where they change a length."""
    assert title(language, query, text.replace("[", "").replace("]", "")) == text


@pytest.mark.parametrize(
    ("language", "query", "text"),
    [
        ("en", "email", "your [e-mail] ([E-Mail])"),
        ("en", "e-mail", "your [email]"),
        ("en", "mail", "your [e-mail]"),
        ("en", "0x80070005", "error [0x80070005]."),
        ("en", "2.3.1", "since v2.3.1, [2.3.1]"),
        ("en", "windows", "in [C:\\Windows\\System32]"),
        ("en", "365", "[Office365] and [365]"),
        ("en", "help@example-site.com", "to [help@example-site.com]"),
        ("en", "user", "the [user's] and the [user’s] and 'the [user]'"),
        ("fr", "accès", "[l'accès], [L’accès], [acces], d'autres"),
        ("fr", "aujourd'hui", "[aujourd’hui]"),
        ("fr", "imprimante", "[qu’imprimante] ou [l'imprimante]"),
    ],
)
def test_joined(language: str, query: str, text: str) -> None:
    """What is joined without a blank is marked whole where it or a part of it is asked for."""
    assert title(language, query, text.replace("[", "").replace("]", "")) == text


@SOME
@given(
    st.sampled_from(LANGUAGES),
    st.lists(st.tuples(st.sampled_from(FORMS), st.sampled_from((" ", "\n", ", ", "\u202f", "\u00a0", "\t")))),
    st.lists(st.sampled_from(FORMS), max_size=16),
)
def test_marks_as_the_whole_analysis_would(language: str, parts: list[tuple[str, str]], query: list[str]) -> None:
    """The words marked are those that an analysis of the whole text finds to have a wanted term."""
    text = "".join(form + blank for form, blank in parts)
    asked = wanted(language, " ".join(query))

    pieces = marked(language, asked, text, split_of(language))

    assert "".join(piece for piece, _ in pieces) == text
    ends, position = [], 0
    for piece, is_word in pieces:
        position += len(piece)
        ends += [position] if is_word else []
    assert ends == [word.end for word in words(language, text, split_of(language)) if asked & set(word.terms)]


@SOME
@given(
    st.sampled_from(LANGUAGES),
    st.frozensets(st.text(max_size=8), max_size=16),
    st.lists(st.tuples(st.text(max_size=4), st.text(max_size=20), st.text(max_size=400)), max_size=4),
)
def test_any_text_is_quoted(language: str, asked: frozenset[str], sections: list[tuple[str, str, str]]) -> None:
    """Any text and any terms give a part of a section's text, of bounded length, unchanged but for ellipses and line ends."""
    found = snippet(language, asked, sections, split_of(language))

    quotation = "".join(text for text, _ in found.pieces).removeprefix("… ").removesuffix(" …")
    texts = [text.replace("\n", " ") for _, _, text in sections]
    assert any(quotation in text for text in texts) or not quotation
    assert bool(found.pieces) == any(text.strip() for text in texts)
    assert len(quotation) <= LENGTH + 4  # The text itself may begin or end like an ellipsis.
    assert all(text for text, _ in found.pieces)


@SOME
@given(
    st.sampled_from(LANGUAGES),
    st.lists(st.lists(st.tuples(st.sampled_from(FORMS), st.sampled_from(" \n")), max_size=120), max_size=3),
    st.lists(st.sampled_from(FORMS), max_size=4),
)
def test_cut_at_blanks(language: str, sections: list[list[tuple[str, str]]], query: list[str]) -> None:
    """A window is a run of whole words that names its section; marks are whole words, and there are some if any is found."""
    texts = ["".join(form + blank for form, blank in section) for section in sections]

    found = cut(" ".join(query), *texts, language=language)

    joined = "".join(text for text, _ in found.pieces)
    quotation = joined.removeprefix("… ").removesuffix(" …")
    source = texts[int(found.anchor[1:])] if found.anchor else next(filter(None, texts), "")
    assert f" {quotation.strip()} " in f" {source} ".replace("\n", " ")
    assert found.heading == (f"Part {found.anchor[1:]}" if found.anchor else "")
    for (before, _), (after, _) in pairwise([("", False), *found.pieces, ("", False)]):
        assert not (before[-1:].isalnum() and after[:1].isalnum())
    asked = wanted(language, " ".join(query))
    expected = any(asked & set(word.terms) for text in texts for word in words(language, text, split_of(language)))
    assert any(is_word for _, is_word in found.pieces) == expected


def test_nothing() -> None:
    """No text gives no pieces; no terms, or none that occurs, the beginning of the first text, from no section."""
    assert cut("vpn") == cut("vpn", "", " \n ") == Snippet(())
    assert cut("", "", "First words.") == cut("vpn", "", "First words.") == Snippet((("First words.", False),))
    assert marked("en", frozenset(), "A title") == (("A title", False),)
    assert marked("en", frozenset({"a"}), "") == ()


def test_blocks() -> None:
    """A window begins where a block does if one begins near enough, and has blanks for line ends."""
    steps = "\n".join(["Open the settings of your computer.", "Choose Printers.", "Select the printer."] * 6)

    found = cut("select", "filler " * 60 + "\n" + steps)

    text = brackets(found.pieces)
    assert text.startswith("[Select] the printer. Open the settings")
    assert "\n" not in text


def test_cut_blocks_have_ellipses() -> None:
    """An ellipsis stands where a block was cut, and only there."""
    middle = cut("printer", "filler " * 60 + "the printer works " + "padding " * 60)
    block = cut("printer", "filler " * 60 + "\nThe printer works.\n" + "word " * 60)

    assert brackets(middle.pieces) == "… " + "filler " * 5 + "the [printer] works " + "padding " * 17 + "padding …"
    assert brackets(block.pieces).startswith("The [printer] works. word word")
    assert brackets(block.pieces).endswith("word …")


def test_most_different_words_win() -> None:
    """The section with more of the query's words is chosen, the first of several, however often each occurs."""
    found = cut("reset password", "Password, password.", "Reset it.", "Reset the password.", "Password reset: reset.")

    assert (found.anchor, found.heading, brackets(found.pieces)) == ("s2", "Part 2", "[Reset] the [password].")


def test_densest_lines_of_a_section() -> None:
    """Within a section the lines that have the words together are chosen, not the first that has one."""
    text = "A password. " + "filler " * 60 + "Reset the password here. " + "filler " * 60

    assert "[Reset] the [password] here." in brackets(cut("reset password", text).pieces)


def test_rarity() -> None:
    """A rare word outweighs several usual ones; a word whose rarity is not known weighs 1."""
    texts = "Reset the printer.", "The BitLocker key."

    assert cut("reset printer bitlocker", *texts).anchor == "s0"
    assert cut("reset printer bitlocker", *texts, bitlock=3.0).anchor == "s1"
    assert cut("printer", "A printer.", printer=0.0).anchor == "s0"


def test_headings() -> None:
    """The heading raises its section, but less than a word of the text; alone it counts where no text has a word."""
    texts = "Your password.", "Your password.", "Choose a new one."

    assert cut("reset password", *texts, headings=("Change", "Reset")).anchor == "s1"
    assert cut("reset password", *texts, headings=("Reset", "Password"), reset=0.5).anchor == "s1"
    assert cut("reset password", "Reset a password.", *texts, headings=("A", "Reset password")).anchor == "s0"
    assert cut("help", *texts, headings=("A", "B", "Help")) == Snippet((("Choose a new one.", False),), "s2", "Help")
    assert cut("help", "Text.", "", headings=("A", "Help")) == Snippet((("Text.", False),))


def test_markup_is_text() -> None:
    """What looks like markup is handed on as it is: the page escapes it."""
    found = cut("script", "<script>alert(1)</script> & <b>")

    assert brackets(found.pieces) == "<[script]>alert(1)</[script]> & <b>"


@pytest.mark.parametrize("length", [150, 200, 1_000, 100_000])
def test_giant_words(length: int) -> None:
    """A word too long to be shown neither hides the others nor is marked, and no window is longer than two lines."""
    giant = "printer" * (length // 7 + 1)

    around = cut("printer", f"{giant} a printer {giant}")
    alone = cut("printer", giant)

    assert ("printer", True) in around.pieces
    assert not [text for text, is_word in (*around.pieces, *alone.pieces) if is_word and text != "printer"]
    assert max(len("".join(text for text, _ in found.pieces)) for found in (around, alone)) <= LENGTH + 4


def test_sixteen_terms() -> None:
    """All of a long query's words are marked; those that are far from the others do not hide them."""
    names = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa".split()

    found = cut(" ".join(names), "papa " + "filler " * 50 + " ".join(names) + " filler" * 50)

    assert [text for text, is_word in found.pieces if is_word] == names


@pytest.mark.parametrize(
    "unit", ["c", "c ", "printer ", "printer-", "c\u0301", "l'", "😀c ", "\n", "1 ", "xprinter\u200b"]
)
def test_hostile_texts_are_bounded(unit: str) -> None:
    """Whatever a text of the greatest size consists of, a window is given; what lies beyond is not looked at."""
    text = (unit * (SCANNED // len(unit)))[:SCANNED]

    found = cut("c printer 1 l", text, "A password and a printer.")

    assert len("".join(piece for piece, _ in found.pieces)) <= LENGTH + 4
    assert cut("password", "a" * SCANNED, "The password.").anchor == ""


def test_what_is_remembered_of_a_query_changes_nothing() -> None:
    """More different words than are remembered, again and elsewhere: each is marked where it stands."""
    runs = [f"({number})printer" for number in range(2 * REMEMBERED_OF_ONE)]
    text, asked = " ".join(runs), wanted("en", "printer")

    for turned in (text, text, " ".join(reversed(runs)), f"x {text}"):
        pieces = marked("en", asked, turned)
        assert "".join(piece for piece, _ in pieces) == turned
        assert [piece for piece, is_word in pieces if is_word] == ["printer"] * len(runs)


def test_threads_that_share_a_query_do_not_disturb_each_other() -> None:
    """What one forgets, because it is too much, the other may be about to give back."""
    texts = [" ".join(f"({number})printer" for number in range(start, start + 400)) for start in (0, 1000, 2000, 3000)]
    asked = wanted("en", "printer")

    with ThreadPoolExecutor(4) as pool:
        counts = list(
            pool.map(lambda turn: sum(is_word for _, is_word in marked("en", asked, texts[turn % 4])), range(40))
        )

    assert counts == [400] * 40
