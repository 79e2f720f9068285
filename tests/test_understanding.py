"""What a person may have meant: keyboards, alphabets, misspellings, blanks; what is never touched; and at what cost."""

import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from portal.locales import CODES
from portal.queries import MAX_CHARACTERS, MAX_WORDS, read_query
from portal.search import SearchIndex, layouts, understanding
from portal.search.analyzers import fold, stop_words, terms, words
from portal.search.layouts import retyped
from portal.search.lexicon import SHORTEST, Lexicon
from portal.search.transliteration import skeleton
from portal.search.understanding import Repair, RepairKind, repair
from portal.selfservice import answer
from portal.services import Services
from tests.test_analyzers import shipped_words


@pytest.fixture(scope="module")
def index(shipped_services: Services) -> SearchIndex:
    """The index of the shipped articles."""
    return shipped_services.edition.index


def meant(index: SearchIndex, language: str, text: str) -> str:
    return repair(index, language, text).text


def mistyped(text: str, meant_layout: str, typed_layout: str) -> str:
    """What the keys of one layout give while another is switched on."""
    return text.translate(layouts._table(meant_layout, typed_layout))


PAIRS = sorted({pair for pairs in layouts._MISTAKES.values() for pair in pairs})


@pytest.mark.parametrize("layout", layouts._KEYS)
def test_a_layout_has_each_sign_on_one_key(layout: str) -> None:
    """Forty-seven keys with two signs each, and no sign twice."""
    assert len(layouts._KEYS[layout]) == len(set(layouts._KEYS[layout])) == 2 * 47


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_retyping_there_and_back_changes_nothing(first: str, second: str) -> None:
    """Between any two layouts every sign has one counterpart."""
    keys = layouts._KEYS[first]

    assert mistyped(mistyped(keys, first, second), second, first) == keys
    assert mistyped("\u0301 \n漢", first, second) == "\u0301 \n漢"


@pytest.mark.parametrize("language", CODES)
@given(text=st.text(max_size=40))
def test_retyping_any_text_gives_few_others_of_its_length(language: str, text: str) -> None:
    """One for each layout at most, sign by sign."""
    assert all(len(other) == len(text) for other in retyped(language, text))
    assert 1 <= len(retyped(language, text)) <= 3


LAYOUT = [
    ("ru", "gfhjkm pf,sk", "пароль забыл"),
    ("ru", "j,yjdbnm", "обновить"),
    ("ru", "GHBYNTH yt gtxfnftn", "принтер не печатает"),
    ("en", "зфыыцщкв", "password"),
    ("en", "Здуфыу куыуе ефыыцщкв", ""),
    ("en", "зкштеук щааадшту", ""),
    ("en", "pqsszord", "password"),
    ("fr", "pqsse", "passe"),
    ("fr", "i;pri;qnte", "imprimante"),
    ("fr", "вщыышук", "dossier"),
    ("de", "Zahlungsmittel", "Zahlungsmittel"),
    ("de", "пароль", ""),
    ("de", "зфыыцщке", "passwort"),
]


@pytest.mark.parametrize(("language", "typed", "expected"), LAYOUT, ids=[row[1] for row in LAYOUT])
def test_another_layout_is_seen_through(language: str, typed: str, expected: str, index: SearchIndex) -> None:
    """Each word by itself, where it is one on the reader's layout; what is a word on none is left."""
    given_back = meant(index, language, typed)

    if expected:
        assert given_back == expected
    assert repair(index, language, given_back).repairs == ()


@pytest.mark.parametrize(
    ("language", "typed", "meant_layout"), [("ru", "us", "ru"), ("en", "ru", "us"), ("de", "ru", "de")]
)
def test_titles_typed_on_another_layout_are_put_right(
    language: str, typed: str, meant_layout: str, shipped_services: Services
) -> None:
    """At least nineteen titles of twenty ask for nothing but what they ask for when typed right."""
    edition = shipped_services.edition
    titles = [item.article.title for (code, _), item in edition.knowledge.articles.items() if code == language]
    plain = [title for title in titles if title.replace(" ", "").isalpha()]

    wrong = [
        (title, given_back)
        for title in plain
        if set(terms(language, title))
        != set(terms(language, given_back := meant(edition.index, language, mistyped(title, meant_layout, typed))))
    ]

    assert len(wrong) <= len(plain) / 20, wrong[:5]


#: How four schemes write Russian; the first is that of most road signs.
_FIRST = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya".replace("-", "").split(" "),
        strict=True,
    )
)
SCHEMES = {
    "signs": _FIRST,
    "passports": _FIRST | {"й": "i", "ю": "iu", "я": "ia"},
    "letters": _FIRST | {"й": "j", "х": "h", "ц": "c", "щ": "sch", "ю": "ju", "я": "ja"},
    "apostrophes": _FIRST | {"ь": "'", "щ": "sch"},
}


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())
def test_every_scheme_spells_every_word(scheme: dict[str, str]) -> None:
    """A Russian word of the articles has the same skeleton, however it is written with Latin letters."""
    cyrillic = {folded for word in shipped_words("ru") if set(folded := fold(word)) <= set(_FIRST)}

    unlike = [word for word in sorted(cyrillic) if skeleton("".join(scheme[sign] for sign in word)) != skeleton(word)]

    assert unlike == []


TRANSLITERATED = [
    ("parol", "пароль"),
    ("parol'", "пароль"),
    ("uchetnaya zapis", "учётная запись"),
    ("uchyotnaja zapis'", "учётная запись"),
    ("prilozhenie", "приложение"),
    ("klaviatura", "клавиатура"),
    ("zajavka", "заявка"),
    ("zayavka", "заявка"),
    ("PRINTER", "принтер"),
]


@pytest.mark.parametrize(("typed", "expected"), TRANSLITERATED)
def test_russian_in_latin_letters_is_read(typed: str, expected: str, index: SearchIndex) -> None:
    """Several schemes, and none in particular."""
    assert terms("ru", meant(index, "ru", typed)) == terms("ru", expected)
    assert {item.kind for item in repair(index, "ru", typed).repairs} <= {RepairKind.TRANSLITERATION}


def test_small_words_in_latin_letters_are_not_taken_for_another_layout(index: SearchIndex) -> None:
    """In “printer ne pechataet”, “ne” is “не”."""
    assert "ту" not in meant(index, "ru", "printer ne pechataet")


SPELLING = [
    ("en", "pasword", "password"),
    ("en", "passwrod", "password"),
    ("en", "pritner", "printer"),
    ("en", "keybord layuot", "keyboard layout"),
    ("fr", "imprimmante", "imprimante"),
    ("fr", "lacces", "accès"),
    ("fr", "limprimante", "imprimante"),
    ("fr", "récupréation", "récupération"),
    ("de", "Passwrot", "Passwort"),
    ("de", "Tastatru", "Tastatur"),
    ("ru", "парлоь", "пароль"),
    ("ru", "принтир", "принтер"),
]


@pytest.mark.parametrize(("language", "typed", "expected"), SPELLING, ids=[row[1] for row in SPELLING])
def test_misspelt_words_are_put_right(language: str, typed: str, expected: str, index: SearchIndex) -> None:
    """A letter too many, too few, wrong, or two exchanged, or the apostrophe lacking."""
    mended = repair(index, language, typed)

    assert terms(language, mended.text) == terms(language, expected)
    assert [(item.kind, item.typed) for item in mended.repairs] == [
        (RepairKind.SPELLING, word) for word in typed.split()
    ]


def test_blanks_are_put_right(index: SearchIndex) -> None:
    """Two words written as one, and one as two."""
    assert repair(index, "en", "printeroffline").repairs == (
        Repair(RepairKind.BLANKS, "printeroffline", "printer offline"),
    )
    assert repair(index, "en", "keybo ard").repairs == (Repair(RepairKind.BLANKS, "keybo ard", "keyboard"),)


def test_frequent_words_are_nearer() -> None:
    """Between equally near words the more frequent one; with another first letter none is as near."""
    lexicon = Lexicon({"cable": 50, "table": 1, "Größe": 4, "grosse": 1, "ab1c": 90})

    assert lexicon.nearest("xable") == "cable"
    assert Lexicon({"cable": 1, "table": 1}).nearest("tabel") == "table"
    assert lexicon.written("grosse") == "größe" or lexicon.written("grosse") == "Größe"
    assert lexicon.counts["grosse"] == 5
    assert lexicon.nearest("ab1d") is None
    assert lexicon.nearest("abc") is None
    assert SHORTEST == 4


UNTOUCHED = [
    ("en", "KB5001234"),
    ("en", "0x80070005 pasw0rd v2.3.1"),
    ("ru", "gfhjkm1 2.4"),
    ("en", "office365x"),
    ("en", "how do I the"),
    ("ru", "как мне это"),
    ("en", "???  !!"),
    ("en", "漢字 🔥"),
    ("en", "zxqv blorpfgh"),
]


@pytest.mark.parametrize(("language", "text"), UNTOUCHED, ids=[row[1] for row in UNTOUCHED])
def test_numbers_function_words_and_noise_are_left_alone(language: str, text: str, index: SearchIndex) -> None:
    """What has a digit, says nothing, or is near to nothing is what it was."""
    assert repair(index, language, text) == understanding.Repaired(text)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, str]:
    """A language, and words of its articles with letters changed, on other layouts, joined and parted."""
    language = draw(st.sampled_from(CODES))
    tokens = draw(st.lists(st.sampled_from(shipped_words(language)), min_size=1, max_size=6))
    letters = "aeioubcdxyzéäßеаож"
    for place, token in enumerate(tokens):
        at = draw(st.integers(0, len(token)))
        way = draw(st.integers(0, 6))
        if way == 0:
            tokens[place] = token[:at] + draw(st.sampled_from(letters)) + token[at:]
        elif way == 1:
            tokens[place] = token[:at] + token[at + 1 :]
        elif way == 2:
            tokens[place] = draw(st.sampled_from(retyped(language, token)))
        elif way == 3:
            tokens[place] = f"{token[:at]} {token[at:]}"
        elif way == 4:
            tokens[place] = token + draw(st.sampled_from(shipped_words(language)))
    return language, " ".join(" ".join(tokens).split())


@given(typed=damaged())
@settings(deadline=None, max_examples=150)
def test_repairing_twice_changes_nothing_more(typed: tuple[str, str], shipped_services: Services) -> None:
    """What was put right is right."""
    index = shipped_services.edition.index
    language, text = typed

    mended = repair(index, language, text)

    assert repair(index, language, mended.text).repairs == ()


@given(typed=damaged(), number=st.sampled_from(["24", "v2.3.1", "x1", "KB5001234"]))
@settings(deadline=None, max_examples=150)
def test_known_words_are_never_touched(typed: tuple[str, str], number: str, shipped_services: Services) -> None:
    """Of a repair, at least a part is no word of the articles, and nothing in it has a digit or is a small word."""
    index = shipped_services.edition.index
    language, text = typed

    mended = repair(index, language, f"{text} {number}")

    assert mended.text.split()[-1] == number
    for item in mended.repairs:
        assert not any(map(str.isdigit, item.typed))
        tokens = item.typed.split()
        # Beside words on another layout, a key named by one letter is one of them.
        assert len(item.typed) == 1 or not all(known(index, language, token) for token in tokens)
        assert len(tokens) == 1 or item.kind is RepairKind.BLANKS
        assert len(tokens) > 1 or len(item.typed) == 1 or fold(item.typed) not in stop_words(language)


def known(index: SearchIndex, language: str, token: str) -> bool:
    found = list(words(language, token))
    return bool(found) and all(index.has(language, word.terms[0]) for word in found)


@given(st.sampled_from(CODES), st.text(max_size=300))
@settings(deadline=None, max_examples=200)
def test_any_text_is_repaired_or_left(language: str, text: str) -> None:
    """None raises; every query stays within its bounds or is near them."""
    assume(text.strip())
    query = read_query(language, text)
    mended = repair(_Shipped.index, language, query.text)

    assert len(mended.text) <= 3 * MAX_CHARACTERS
    assert len(mended.repairs) <= MAX_WORDS


class _Shipped:
    """The shipped index for a property test, whose fixtures would be made again for each example."""

    index: SearchIndex


@pytest.fixture(autouse=True)
def _shipped_index(index: SearchIndex) -> None:
    _Shipped.index = index


NOISE = {
    "sixteen unknown words": " ".join(f"zqx{letter}vkwjpt" for letter in "abcdefghijklmnop"),
    "sixteen near words": " ".join(["passwrodd", "pritnerr", "keybaord", "netwrokk"] * 4),
    "one long word": "passwordprinter" * 13,
    "letters alone": " ".join("qzxwvkjqzxwvkjqz"),
    "Cyrillic": " ".join(f"щъ{letter}цзжэыю" for letter in "абвгдежзийклмноп"),
    "signs": " ".join(["'a'b'c'd'e'f"] * 16),
    "every alphabet": "йцqwe ßäöü éàç 漢字 абвgd αβγ " * 6,
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE.keys())
@pytest.mark.parametrize("language", CODES)
def test_noise_costs_little(language: str, noise: str, shipped_services: Services) -> None:
    """A query of noise as long as is read takes 250 ms at most, the lexicons being there."""
    edition = shipped_services.edition
    text = read_query(language, noise).text
    for code in CODES:
        repair(edition.index, code, "warmzxq")
    answer(edition, read_query(language, "warmzxq"))

    begin = time.process_time()
    repair(edition.index, language, text)

    assert time.process_time() - begin < 2.5
