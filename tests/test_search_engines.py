"""What every engine does with articles that are made for it: fields, ways, pages, changes, threads."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from portal.errors import SearchUnavailable
from portal.search import Clue, Document, SearchIndex, Way
from portal.search.view import RERANKED
from tests.searching import BOTH, WORDS, Engine, ask, document, engine_of, slugs

PRINTER = (Clue("printer", (Way(("printer",)),)),)


@pytest.fixture(scope="module", params=BOTH)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each of the engines."""
    with engine_of(request) as made:
        yield made


@pytest.fixture
def made(engine: Engine, tmp_path: Path) -> Iterator[Callable[..., SearchIndex]]:
    """Makes and opens the index of some documents."""
    opened: list[SearchIndex] = []

    def make(*documents: Document) -> SearchIndex:
        engine.write(tmp_path, *documents)
        opened.append(engine.open(tmp_path))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_pages_beyond_what_is_compared_by_titles_are_pieces_of_one_order(made: Callable[..., SearchIndex]) -> None:
    chooser = random.Random(3)

    def words(count: int) -> str:
        return " ".join(chooser.choices(WORDS, k=count))

    many = [document(f"n{number}", words(3), words(chooser.randrange(9))) for number in range(3 * RERANKED)]
    index = made(*many)
    whole = ask(index, "en", "printer paper", limit=len(many))
    assert len({match.slug for match in whole.matches}) == whole.total > RERANKED
    for offset in range(0, whole.total + 10, 10):
        page = ask(index, "en", "printer paper", None, offset, 10)
        assert page.matches == whole.matches[offset : offset + 10]
        assert page.total == whole.total


def test_words_in_titles_count_more(made: Callable[..., SearchIndex]) -> None:
    """A word in the title outranks the same word in the text."""
    filler = " ".join(f"word{number}" for number in range(60))
    index = made(
        document("in-text", "Something else", f"{filler} printer {filler}"),
        document("in-title", "Printer", filler + filler),
        document("in-heading", "Something", filler + filler, "Printer"),
    )

    assert slugs(index.search("en", PRINTER)) == ["in-title", "in-heading", "in-text"]


def test_of_several_ways_to_say_it_the_best_counts(made: Callable[..., SearchIndex]) -> None:
    index = made(document("a", "Printer"), document("b", "Paper tray", "", "Network printer"), document("c", "Mouse"))

    found = index.search("en", (Clue("scanner", (Way(("scanner",)), Way(("network", "printer"), 0.5))),))

    assert slugs(found) == ["b", "a"]
    # A title says what several words say only if it has them all.
    assert (found.known, found.in_title, found.in_headings) == ((True,), ((False, False),), ((True, False),))


def test_what_nobody_wrote_is_known_to_be_unknown(made: Callable[..., SearchIndex]) -> None:
    index = made(document("a", "Printer"), document("b", "Mouse"))

    found = ask(index, "en", "printer zebra")

    assert found.known == (True, False)
    assert found.rarity[1] > found.rarity[0]
    assert (index.has("en", "printer"), index.has("en", "zebra")) == (True, False)
    assert ask(index, "en", "zebra giraffe").matches == ()
    assert set(index.lexicon("en").counts) == {"printer", "mouse"}


def test_an_empty_index_finds_nothing(made: Callable[..., SearchIndex]) -> None:
    index = made()

    assert ask(index, "en", "printer").matches == ()
    assert index.has("en", "printer") is False
    assert index.lexicon("en").counts == {}


def test_what_is_changed_is_found_as_it_is_now(engine: Engine, tmp_path: Path) -> None:
    """Articles are added, replaced and removed; a reader of the earlier generation would still find the old."""
    engine.write(tmp_path, document("a", "Printer"), document("b", "Mouse", "cable"), document("c", "Scanner", "cable"))
    engine.write(tmp_path, document("a", "Plotter"), document("d", "Cable"), removed=("c",))
    index = engine.open(tmp_path)

    assert set(slugs(ask(index, "en", "cable"))) == {"b", "d"}
    assert slugs(ask(index, "en", "plotter")) == ["a"]
    assert [index.has("en", word) for word in ("printer", "scanner", "plotter")] == [False, False, True]
    assert ask(index, "en", "cable", "it").total == 2
    index.close()


def test_a_missing_index_is_unavailable_not_empty(engine: Engine, tmp_path: Path) -> None:
    """Nobody is told that there is no answer because the index is gone."""
    index = engine.open(tmp_path / "nowhere")

    with pytest.raises(SearchUnavailable):
        index.search("en", PRINTER)
    with pytest.raises(SearchUnavailable):
        index.clues("en", "printer")


def test_a_closed_index_gives_its_files_back(engine: Engine, made: Callable[..., SearchIndex], tmp_path: Path) -> None:
    """Opening and closing many times leaves no descriptor open."""
    assert ask(made(document("a", "Printer")), "en", "printer").total
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))

    for _ in range(50):
        index = engine.open(tmp_path)
        assert ask(index, "en", "printer").total
        index.close()

    assert len(list(descriptors.iterdir())) <= before + 2


def test_threads_get_the_same(made: Callable[..., SearchIndex], engine: Engine, tmp_path: Path) -> None:
    chooser = random.Random(5)
    alone = made(*(document(f"n{n}", chooser.choice(WORDS), " ".join(chooser.choices(WORDS, k=20))) for n in range(90)))
    queries = [" ".join(chooser.choices(WORDS, k=chooser.randrange(1, 6))) for _ in range(40)]
    expected = [ask(alone, "en", text) for text in queries]
    shared = engine.open(tmp_path)

    def same(seed: int) -> Any:
        order = random.Random(seed).sample(range(len(queries)), len(queries))
        return all(ask(shared, "en", queries[number]) == expected[number] for number in order)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(same, range(8)))
    shared.close()
