"""The term table: what it learns, that it is the same each time, how it is kept, and that no text breaks it."""

import json
import random
import zlib
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.search import translation
from portal.search.analyzers import terms
from portal.search.translation import TermTable, Text, digest, learn, learn_both, round_trip

#: What is done to what, in English and German.
ACTIONS = {"delete": "löschen", "print": "drucken", "order": "bestellen", "encrypt": "verschlüsseln"}
THINGS = {"invoice": "Rechnung", "folder": "Ordner", "badge": "Ausweis", "keyboard": "Tastatur", "VPN": "VPN"}

Pairs = list[tuple[Text, Text]]


def families() -> Pairs:
    """An article on every action with every thing, in an order of no meaning."""
    made = [
        (Text(f"{en} a {thing}", (f"How to {en} the {thing}.",)), Text(f"{ding} {de}", (f"So {de} Sie: {ding}.",)))
        for (en, de), (thing, ding) in product(ACTIONS.items(), THINGS.items())
    ]
    random.Random(1).shuffle(made)
    return made


def entry(found: tuple[tuple[str, float], ...]) -> str:
    """The best of some translations; empty where there is none."""
    return found[0][0] if found else ""


def term(language: str, word: str) -> str:
    """A word as the table has it."""
    return terms(language, word)[0]


def stored(content: object) -> bytes:
    """A table's bytes with this in them."""
    return zlib.compress(json.dumps(content).encode())


@pytest.mark.parametrize(("english", "german"), [*ACTIONS.items(), *THINGS.items()])
def test_words_are_learned_in_both_directions(english: str, german: str) -> None:
    """Each word's best translation is its own, with most of the probability, there and back."""
    there, back = learn_both("en", "de", families())

    found, returned = there.translate(term("en", english)), back.translate(term("de", german))
    assert (entry(found), entry(returned)) == (term("de", german), term("en", english))
    assert found[0][1] > 0.8
    assert returned[0][1] > 0.8


def test_a_word_that_no_article_has_is_unknown() -> None:
    """It has no translation, and no article teaches nothing."""
    table = learn("en", "de", families())

    assert table.translate("unheard") == ()
    assert len(table) == len(ACTIONS) + len(THINGS)
    assert len(learn("en", "de", [])) == 0
    assert learn_both("en", "de", [(Text("", ("", "the")), Text("der", ("", "")))])[1].translate("") == ()


def test_a_name_that_both_languages_have_stays() -> None:
    """One article is enough for a name that is written alike."""
    table = learn("en", "de", [(Text("Install Outlook", ()), Text("Outlook installieren", ()))])

    found = [entry(table.translate(name)) for name in terms("en", "install Outlook")]
    assert found == terms("de", "installieren Outlook")


def test_places_tell_what_counting_cannot() -> None:
    """Of two words that only occur together, the first is the first's translation."""
    table = learn("en", "fr", [(Text("bitter orange", ()), Text("amère pomme", ()))])

    assert [entry(table.translate(term("en", word))) for word in ("bitter", "orange")] == terms("fr", "amère pomme")


def test_blocks_count_only_where_their_number_agrees() -> None:
    """An article whose translator has left a block out teaches by its title alone."""
    whole = (Text("Invoice", ("Folder", "Badge")), Text("Rechnung", ("Ordner", "Ausweis")))
    cut = (whole[0], Text("Rechnung", ("Ordner",)))

    full, part = learn("en", "de", [whole]), learn("en", "de", [cut])

    assert [entry(full.translate(term("en", word))) for word in ("folder", "badge")] == terms("de", "Ordner Ausweis")
    assert (entry(part.translate(term("en", "invoice"))), len(part)) == (term("de", "Rechnung"), 1)


def test_sentences_are_paired_where_their_number_agrees() -> None:
    """Two sentences that were translated as two are like two blocks; else the block is one."""
    english, split = Text("-", ("Order a folder. Print it!",)), Text("-", ("Order a folder.", "Print it!"))

    apart = learn("en", "de", [(english, Text("-", ("Ordner bestellen. Drucken!",)))])
    together = learn("en", "de", [(english, Text("-", ("Ordner bestellen, drucken!",)))])

    assert apart.to_bytes() == learn("en", "de", [(split, Text("-", ("Ordner bestellen.", "Drucken!")))]).to_bytes()
    assert together.to_bytes() != apart.to_bytes()
    assert len(together) == len(apart) == 3


def test_what_stands_in_many_articles_counts_once() -> None:
    """A table is the same whether its boilerplate stands in one article or in a hundred."""
    boilerplate = (Text("Badge", ("Need help? Call us.",)), Text("Ausweis", ("Brauchen Sie Hilfe? Rufen Sie an.",)))

    once = learn_both("en", "de", [*families(), boilerplate])
    often = learn_both("en", "de", [*families(), *[boilerplate] * 100])

    assert [table.to_bytes() for table in once] == [table.to_bytes() for table in often]


def test_long_blocks_are_cut() -> None:
    """Terms after the greatest number of different ones are not looked at."""
    words = [f"w{number}x" for number in range(translation.BLOCK_TERMS + 5)]
    table = learn("en", "de", [(Text(" ".join([*words[:3], *words]), ()), Text(" ".join(words), ()))])

    assert len(table.translate(words[translation.BLOCK_TERMS - 1])) > 0
    assert table.translate(words[translation.BLOCK_TERMS]) == ()


def test_old_articles_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond the greatest number, or the greatest amount of work, change neither table nor digest."""
    monkeypatch.setattr(translation, "FAMILIES", 2)
    more, fewer = families()[:3], families()[:2]

    assert learn("en", "de", more).to_bytes() == learn("en", "de", fewer).to_bytes()
    assert digest("en", "de", more) == digest("en", "de", fewer)

    monkeypatch.setattr(translation, "COMBINATIONS", 4)

    assert (
        learn("en", "de", more).to_bytes() == learn("en", "de", [(fewer[0][0], Text(fewer[0][1].title, ()))]).to_bytes()
    )


def test_the_analysis_can_be_another() -> None:
    """Terms are those that the given analysis makes."""
    table = learn(
        "en", "de", families(), lambda language, text: [f"{language}:{word}" for word in terms(language, text)]
    )

    assert entry(table.translate("en:folder")) == f"de:{term('de', 'Ordner')}"


def test_one_direction_is_half_of_both() -> None:
    """Learning one table gives the first of the two."""
    assert learn("en", "de", families()).to_bytes() == learn_both("en", "de", families())[0].to_bytes()


def test_a_table_is_kept_whole() -> None:
    """What is read is what was written, and writing it again gives the same bytes."""
    table = learn("en", "de", families())

    read = TermTable.from_bytes(table.to_bytes())

    assert read.to_bytes() == table.to_bytes() == learn("en", "de", families()).to_bytes()
    assert len(read) == len(table)
    assert all(read.translate(term("en", word)) == table.translate(term("en", word)) for word in [*ACTIONS, *THINGS])


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="not packed"),
        pytest.param(learn("en", "de", families()).to_bytes()[:-1], id="cut"),
        pytest.param(learn("en", "de", families()).to_bytes() + b"x", id="longer"),
        pytest.param(zlib.compress(b"{"), id="no JSON"),
        pytest.param(zlib.compress(b"[" * 200_000), id="deep"),
        pytest.param(zlib.compress(b'{"\xff":["b",1]}'), id="no UTF-8"),
        pytest.param(stored(["a"]), id="a list"),
        *(
            pytest.param(stored({"a": value}), id=str(value))
            for value in (None, [], ["b"], ["b", 1, "c"], ["b", 1] * 9, [1, "b"], ["b", 0], ["b", 1001], ["b", -1])
        ),
        *(pytest.param(stored({"a": ["b", share]}), id=f"share {share}") for share in (True, 0.5, "1", None)),
        pytest.param(stored({"a": ["b", 600, "c", 600]}), id="more than all"),
    ],
)  # fmt: skip
def test_a_damaged_table_is_refused(damaged: bytes) -> None:
    """Whatever is wrong with it, there is one error."""
    with pytest.raises(ValueError):  # noqa: PT011 - the message is for developers
        TermTable.from_bytes(damaged)


def test_a_table_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the largest table is not unpacked."""
    monkeypatch.setattr(translation, "LARGEST", 1_000)

    with pytest.raises(ValueError):  # noqa: PT011 - the message is for developers
        TermTable.from_bytes(stored({"a": ["b" * 2_000, 1]}))


def changed() -> dict[str, tuple[str, str, Pairs, str]]:
    """What a digest is made of, each with one thing changed."""
    pairs = families()
    first, second = pairs[0]
    return {
        "same": ("en", "de", pairs, ""),
        "source": ("fr", "de", pairs, ""),
        "target": ("en", "ru", pairs, ""),
        "analysis": ("en", "de", pairs, "compounds"),
        "order": ("en", "de", pairs[::-1], ""),
        "fewer": ("en", "de", pairs[:-1], ""),
        "title": ("en", "de", [(Text("x", first.blocks), second), *pairs[1:]], ""),
        "block": ("en", "de", [(first, Text(second.title, ("x",))), *pairs[1:]], ""),
        "borders of blocks": ("en", "de", [(Text(first.title, ("How", *first.blocks)), second), *pairs[1:]], ""),
        "sides": ("en", "de", [(second, first), *pairs[1:]], ""),
    }


def test_a_digest_tells_all_that_matters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Equal input has the same one; other texts, order, languages, analysis or code have another."""
    digests = {name: digest(*values) for name, values in changed().items()}

    assert digests["same"] == digest("en", "de", families())
    assert len(set(digests.values())) == len(digests)

    monkeypatch.setattr(translation, "_code", lambda: b"other")

    assert digest("en", "de", families()) != digests["same"]


def test_synonyms_come_by_way_of_another_language() -> None:
    """Probabilities are multiplied and summed; the term itself and the unlikely are left out; the best is first."""
    there = TermTable({"delet": (("losch", 600), ("entf", 400))})
    back = TermTable(
        {
            "losch": (("delet", 700), ("eras", 200), ("clear", 50)),
            "entf": (("remov", 500), ("eras", 300), ("delet", 200)),
        }
    )

    found = round_trip(there, back, "delet")

    assert [name for name, _ in found] == ["eras", "remov"]
    assert [share for _, share in found] == pytest.approx([0.24, 0.2])
    assert round_trip(there, back, "losch") == ()


#: Words of four scripts and kinds, and whatever text there is.
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from("delete Löschen VPN 0x8007 l'accès пароль the. Ordner! a@b.de".split()), max_size=12).map(
        " ".join
    ),
)
ARTICLES = st.builds(Text, TEXTS, st.lists(TEXTS, max_size=4).map(tuple))


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["en", "fr", "de", "ru"]),
    st.sampled_from(["en", "fr", "de", "ru"]),
    st.lists(st.tuples(ARTICLES, ARTICLES), max_size=6),
)
def test_no_text_breaks_a_table(source: str, target: str, pairs: Pairs) -> None:
    """Probabilities are above the least, together one at most, best first, of few different terms; and they last."""
    tables = learn_both(source, target, pairs)

    for language, table, side in zip((source, target), tables, (0, 1), strict=True):
        texts = [text for pair in pairs for text in (pair[side].title, *pair[side].blocks)]
        known = {found for text in texts for found in terms(language, text)}
        translated = {found: table.translate(found) for found in known}
        for found in filter(None, translated.values()):
            shares = [share for _, share in found]
            assert translation.LEAST <= min(shares) <= max(shares) <= 1
            assert sum(shares) <= 1 + 1e-9
            assert shares == sorted(shares, reverse=True)
            assert len({other for other, _ in found}) == len(found) <= translation.TRANSLATIONS
        assert len(table) == sum(map(bool, translated.values()))
        again = TermTable.from_bytes(table.to_bytes())
        assert {found: again.translate(found) for found in known} == translated
        assert all(
            translation.LEAST <= share <= 1 and other != found
            for found in known
            for other, share in round_trip(tables[side], tables[1 - side], found)
        )
    assert [table.to_bytes() for table in learn_both(source, target, pairs)] == [table.to_bytes() for table in tables]


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60), st.integers(0, 10_000), st.integers(0, 255))
def test_damage_is_an_error_or_nothing(noise: bytes, place: int, value: int) -> None:
    """Other bytes, or one byte changed, give an error or a table that works."""
    whole = bytearray(learn("en", "de", families()[:2]).to_bytes())
    whole[place % len(whole)] = value

    for damaged in (noise, bytes(whole)):
        try:
            table = TermTable.from_bytes(damaged)
        except ValueError:
            continue
        assert table.translate("invoic") == TermTable.from_bytes(table.to_bytes()).translate("invoic")
