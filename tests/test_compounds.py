"""German: umlauts written out, stems, and compounds, which are taken apart at little cost whatever the word."""

from collections.abc import Mapping
from itertools import product
from math import log
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.search import SearchIndex
from portal.search.analyzers import fold, stop_words, terms
from portal.search.compounds import LONGEST, PART, SEEN, Splitter
from portal.search.stemming import stem_of
from tests.builders import write_article
from tests.publishing import Folder
from tests.test_analyzers import shipped_words, unplain

CISTEM = [
    ("Speicherbehältern", "speicherbehal"),
    ("Grenzpostens", "grenzpo"),
    ("Ausgefeiltere", "ausgefeil"),
    ("Tische", "tisch"),
    ("Passwörter", "passwor"),
    ("gelöscht", "losch"),
    ("Gerät", "gera"),
    ("Geräte", "gera"),
    ("Geräten", "gera"),
    ("sie", "sie"),
    ("2000", "2000"),
    ("schließen", "schliess"),
]


@pytest.mark.parametrize(("word", "expected"), CISTEM, ids=[word for word, _ in CISTEM])
def test_german_stems_are_those_of_cistem(word: str, expected: str) -> None:
    """Its authors' examples for words without capitals, and what signs for letters might break."""
    assert stem_of("de", fold(word)) == expected


@pytest.mark.parametrize(("first", "second"), [("neue", "neuen"), ("genauer", "genau"), ("blauer", "blaue")])
def test_an_ending_is_no_umlaut(first: str, second: str) -> None:
    """“ue” is ü only within a stem: “neue” is “neu” with an ending."""
    assert terms("de", first) == terms("de", second)


def written_out(word: str) -> str:
    """A German word without umlauts, as on a keyboard that has none."""
    for letter, two in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "Ae"), ("Ö", "Oe"), ("Ü", "Ue")):
        word = word.replace(letter, two)
    return word


def test_every_german_word_may_be_written_without_umlauts() -> None:
    """ä = ae = a and ß = ss, for all words that carry a subject."""
    unlike = [
        word
        for word in shipped_words("de")
        if fold(word) not in stop_words("de")
        and not terms("de", word)
        == terms("de", written_out(word))
        == terms("de", unplain(word))
        == terms("de", word.replace("ß", "ss"))
    ]

    assert unlike == []


@pytest.mark.parametrize("word", ["für", "über", "können", "könnte"])
def test_german_words_without_a_subject_may_be_written_without_umlauts(word: str) -> None:
    """“fuer” says no more than “für”."""
    assert terms("de", word) == terms("de", written_out(word)) == []


COUNTS = {"netzwerk": 9, "drucker": 12, "passwort": 20, "richtlinie": 5, "konto": 8, "sperre": 4, "arbeit": 6}


def parts(word: str, counts: Mapping[str, int] = COUNTS, language: str = "de") -> tuple[str, ...]:
    return Splitter(language, counts).split(word)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("netzwerkdrucker", ("netzwerk", "drucker")),
        ("passwortrichtlinie", ("passwort", "richtlinie")),
        ("arbeitskonto", ("arbeit", "konto")),
        ("richtliniensperre", ("richtlinie", "sperre")),
        ("netzwerkdruckerkonto", ("netzwerk", "drucker", "konto")),
        ("netzwerk", ()),
        ("netzwerkdrucke", ()),
        ("xnetzwerkdrucker", ()),
        ("netzwerk2drucker", ()),
        ("", ()),
        ("konto", ()),
    ],
)
def test_compounds_are_taken_apart_by_known_words(word: str, expected: tuple[str, ...]) -> None:
    """Parts in their order, with what links them left out; nothing where a piece remains."""
    assert parts(word) == expected


@pytest.mark.parametrize("link", ["", "s", "es", "n", "en", "er"])
def test_every_link_joins(link: str) -> None:
    """What German puts between two parts is no part of them; behind the last there is none."""
    assert parts(f"passwort{link}drucker") == ("passwort", "drucker")
    assert parts(f"passwortdrucker{link}") == (() if link else ("passwort", "drucker"))


def test_short_rare_and_empty_words_are_no_parts() -> None:
    """Four letters, three articles, a subject of its own."""
    assert (PART, SEEN) == (4, 3)
    assert parts("kabel" + "not", {"kabel": 9, "not": 99}) == ()
    assert parts("kabel" + "netz", {"kabel": SEEN, "netz": SEEN - 1}) == ()
    assert parts("kabel" + "netz", {"kabel": SEEN, "netz": SEEN}) == ("kabel", "netz")
    assert "nicht" in stop_words("de")
    assert parts("kabel" + "nicht", {"kabel": 9, "nicht": 99}) == ()
    assert parts("kabel" + "dass", {"kabel": 9, "dass": 99}) == ()


@pytest.mark.parametrize("language", ["en", "fr", "ru"])
def test_other_languages_write_their_compounds_apart(language: str) -> None:
    """Nothing is taken apart."""
    assert parts("netzwerkdrucker", language=language) == ()


def test_frequent_parts_win() -> None:
    """Of two ways, the one whose parts are more frequent on the geometric mean."""
    counts = {"haus": 3, "aufgaben": 3, "hausaufgaben": 50, "heft": 50}
    more = counts | {"haus": 5000, "aufgaben": 5000}

    assert parts("hausaufgabenheft", counts) == ("hausaufgaben", "heft")
    assert parts("hausaufgabenheft", more) == ("haus", "aufgaben", "heft")


def mean(found: tuple[str, ...], counts: Mapping[str, int]) -> float:
    return sum(log(counts[part]) for part in found) / len(found)


def every_way(word: str, counts: Mapping[str, int], links: tuple[str, ...]) -> list[tuple[str, ...]]:
    """All ways to write the whole word as parts."""
    found: list[tuple[str, ...]] = [(word,)] if word in counts else []
    for part, link in product(counts, links):
        if word.startswith(part + link) and len(word) > len(part + link):
            found += [(part, *rest) for rest in every_way(word[len(part + link) :], counts, links)]
    return found


def test_the_best_way_may_begin_with_a_worse_beginning() -> None:
    """The mean of the whole word counts, not that of its beginning."""
    counts = {"haus": 150, "baum": 150, "hausbaum": 140, "fest": 8000}
    best = max(every_way("hausbaumfest", counts, ("",)), key=lambda way: mean(way, counts))

    assert parts("hausbaumfest", counts) == best == ("hausbaum", "fest")


@given(st.dictionaries(st.text("ab", min_size=4, max_size=6), st.integers(3, 99), min_size=2, max_size=8), st.data())
@settings(deadline=None)
def test_what_is_found_is_a_way_to_write_the_word(counts: dict[str, int], data: st.DataObject) -> None:
    """Something is found exactly where there is a way, and it is one of the ways."""
    word = "".join(data.draw(st.lists(st.sampled_from(sorted(counts)), min_size=2, max_size=4)))
    splitter = Splitter("de", counts)

    ways = [way for way in every_way(word, splitter.known, splitter.links) if len(way) > 1]

    assert splitter.split(word) in (ways if len(word) <= LONGEST else [()])


class Counted(dict[str, int]):
    """A mapping that counts how often it is asked."""

    asked = 0

    def __contains__(self, key: object) -> bool:
        self.asked += 1
        return super().__contains__(key)


@pytest.mark.parametrize("repeated", ["aaaa", "enen", "erer", "sese"])
def test_the_longest_word_of_repeated_parts_costs_little(repeated: str) -> None:
    """Work grows with the square of the letters, which are few; never with the number of ways."""
    splitter = Splitter("de", {repeated[:2] * size: 3 + size for size in range(2, 25)})
    known = splitter.known = Counted(splitter.known)

    assert splitter.split((repeated * LONGEST)[:LONGEST])
    assert known.asked <= len(splitter.links) * LONGEST**2
    known.asked = 0
    assert splitter.split((repeated * LONGEST)[: LONGEST + 1]) == ()
    assert splitter.split(repeated * 100_000) == ()
    assert known.asked == 0


def test_a_splitter_is_kept_as_text() -> None:
    """Equal splitters make equal texts, and come back the same."""
    made = Splitter("de", COUNTS)
    back = Splitter.from_text("de", made.to_text())

    assert back.known == made.known
    assert back.to_text() == Splitter("de", dict(reversed(COUNTS.items()))).to_text()
    assert back.split("netzwerkdrucker") == ("netzwerk", "drucker")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "3", '{"haus": "x"}', '{"haus": null}', '{"haus": [9]}', "[" * 100_000]
)
def test_a_damaged_text_is_refused(text: str) -> None:
    """Whatever is damaged, the same error tells."""
    with pytest.raises(ValueError):  # noqa: PT011 - its kind is what is promised
        Splitter.from_text("de", text)


@pytest.fixture
def german(tmp_path: Path) -> SearchIndex:
    """Published articles whose words make compounds."""
    root = tmp_path / "articles"
    for number in range(SEEN):
        write_article(root, "de", f"plain-{number}", "Drucker", "Das Netzwerk und der Drucker brauchen Strom.")
    write_article(root, "de", "compound", "Netzwerkdrucker einrichten", "So geht es.")
    write_article(root, "de", "apart", "Im Netzwerk den Drucker suchen", "So geht es auch.")
    made = Folder(root, tmp_path / "var")
    made.publish()
    return made.edition.index


def found(index: SearchIndex, text: str) -> list[str]:
    return [match.slug for match in index.search("de", index.clues("de", text)).matches]


def test_parts_find_the_compound(german: SearchIndex) -> None:
    """“Netzwerk Drucker”, “Netzwerk-Drucker” and “Netzwerkdruckers” find the article on the Netzwerkdrucker."""
    for text in ("Netzwerk Drucker", "Netzwerk-Drucker", "Netzwerkdruckers", "netzwerkdrucker"):
        assert "compound" in found(german, text)[:2], text


def test_a_compound_finds_its_parts(german: SearchIndex) -> None:
    """“Netzwerkdrucker” finds the article that writes it apart, behind the one that does not."""
    slugs = found(german, "Netzwerkdrucker")

    assert slugs[0] == "compound"
    assert slugs[1] == "apart"
    assert found(german, "Druckernetzwerk")[:1] == ["apart"]


def test_a_known_compound_has_its_whole_first() -> None:
    """The whole is a term of its own, before its parts; parts without a subject never are."""
    split = Splitter("de", COUNTS).split

    assert terms("de", "Netzwerkdrucker", split) == [*terms("de", "Netzwerkdrucker"), *terms("de", "Netzwerk Drucker")]
    assert terms("de", "Passwortdrucker-Konto", split)[1:] == terms("de", "Passwortdrucker Passwort Drucker Konto")
    assert fold("Größe") == "grosse"
