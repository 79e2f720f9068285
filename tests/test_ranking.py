"""The ranking: Whoosh's own order for words, computed from whole lists, and then titles and headings as wholes."""

import gc
import json
import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from whoosh import index as whoosh
from whoosh.query import Or, Term
from whoosh.scoring import BM25F

from portal import library
from portal.locales import CODES
from portal.search import Clue, Document, Match, Way, ranking, whoosh_index
from portal.search.analyzers import terms
from portal.search.engine import WhooshIndex
from portal.search.ranking import LOOKED_AT, ceiling, merged, rank
from portal.search.view import FREQUENCIES, K1, RERANKED, TITLE_BOOST, B, View
from tests.needs import REPOSITORY, corpus

WORDS = "printer paper login network screen cable mouse email folder tunnel".split()
#: Every how many articles and judged queries of the large corpus are compared with Whoosh; a query takes it 10 ms.
ARTICLES, QUERIES = 4, 150


def document(slug: str, title: str, text: str = "", headings: Sequence[str] = (), topic: str = "it") -> Document:
    return Document(slug, title, topic, "", tuple(headings), (), text)


def opened(root: Path, *documents: Document, language: str = "en") -> WhooshIndex:
    whoosh_index.write(root / language, language, documents)
    return WhooshIndex(root)


def clue(*terms_of_ways: str | tuple[str, ...], worth: float = 0.5) -> Clue:
    """A clue; ways beyond the first are worth less."""
    ways = [way if isinstance(way, tuple) else (way,) for way in terms_of_ways]
    return Clue(ways[0][0], tuple(Way(way, worth if number else 1.0) for number, way in enumerate(ways)))


def asked(text: str) -> tuple[Clue, ...]:
    """The terms of a text, each to be found in its own way only."""
    return tuple(clue(term) for term in dict.fromkeys(terms("en", text)))


def found(engine: WhooshIndex, text: str, **options: object) -> tuple[Match, ...]:
    return engine.search("en", asked(text), **options).matches  # type: ignore[arg-type]


def assert_same_as_whoosh(directory: Path, language: str, queries: Sequence[str]) -> None:
    """Without the fit of title and headings, our first ten are those of Whoosh's own search."""
    searcher = whoosh.open_dir(str(directory)).searcher(weighting=BM25F(B=B, K1=K1))
    view = View(directory, language)
    with mock.patch.multiple(ranking, TITLE_FIT=0.0, HEADING_FIT=0.0):
        for text in queries:
            wanted = list(dict.fromkeys(terms(language, text, view.split)))
            if not wanted:
                continue
            query = Or([q for term in wanted for q in (Term("text", term), Term("title", term, boost=TITLE_BOOST))])
            theirs = [(hit.docnum, hit.score) for hit in searcher.search(query, limit=10)]
            everything = rank(view, [clue(term) for term in wanted], view.size)
            ours = list(zip(everything.documents.tolist(), everything.scores.tolist(), strict=True))
            assert [score for _, score in ours[:10]] == pytest.approx([score for _, score in theirs], rel=1e-9), text
            # Where scores are the same to the last digits, Whoosh may give another article first.
            assert [dict(ours)[number] for number, _ in theirs] == pytest.approx([s for _, s in theirs], rel=1e-9), text
            assert ours == sorted(ours, key=lambda pair: (-pair[1], pair[0])), text
            ten = rank(view, [clue(term) for term in wanted], 10)
            assert list(zip(ten.documents.tolist(), ten.scores.tolist(), strict=True)) == ours[:10], text
            assert ten.total == everything.total == len(ours)
    view.close()
    searcher.close()


texts = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
contents = st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join), texts, st.lists(texts))


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[list[Document], list[str]]]:
    """Documents that are written one batch after the other, some of them anew, and what is removed with each."""
    made: list[tuple[list[Document], list[str]]] = []
    for number in range(draw(st.integers(1, 3))):
        slugs = draw(st.lists(st.integers(0, 80).map(str), min_size=0 if number else 1, max_size=40, unique=True))
        removed = draw(st.lists(st.integers(0, 80).map(str), max_size=5, unique=True)) if number else []
        held = [document(slug, title, text, headings) for slug in slugs for title, text, headings in [draw(contents)]]
        made.append((held, [slug for slug in removed if slug not in slugs]))
    return made


@hypothesis_settings(max_examples=40, deadline=None)
@given(batches(), st.lists(st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=5).map(" ".join), max_size=8))
def test_order_of_words_is_whooshs(made: list[tuple[list[Document], list[str]]], queries: list[str]) -> None:
    with TemporaryDirectory() as name:
        for held, removed in made:
            whoosh_index.write(Path(name) / "en", "en", held, removed)
        assert_same_as_whoosh(Path(name) / "en", "en", queries)


@hypothesis_settings(max_examples=20, deadline=None)
@given(batches())
def test_what_is_kept_of_the_titles_words_is_what_the_index_says(made: list[tuple[list[Document], list[str]]]) -> None:
    """After each change, and never that of the generation before, which may have the same file."""
    with TemporaryDirectory() as name:
        directory, before = Path(name) / "en", Path(name) / "before"
        for held, removed in made:
            old = before.read_bytes() if before.exists() else None
            whoosh_index.write(directory, "en", held, removed)
            assert old is None or before.read_bytes() == old
            before.unlink(missing_ok=True)
            kept = View(directory, "en").parts
            (directory / FREQUENCIES).rename(before)
            looked_up = View(directory, "en").parts
            assert [*looked_up.frequencies] == [*kept.frequencies]
            assert [*looked_up.mass] == [*kept.mass]
            (directory / FREQUENCIES).hardlink_to(before)


def test_order_is_whooshs_over_segments_and_gaps(tmp_path: Path) -> None:
    chooser = random.Random(7)

    def made(number: int) -> Document:
        return document(str(number), chooser.choice(WORDS), " ".join(chooser.choices(WORDS, k=chooser.randrange(40))))

    whoosh_index.write(tmp_path, "en", [made(number) for number in range(400)])
    whoosh_index.write(tmp_path, "en", [made(number) for number in range(300, 600)], ["5", "77"])
    whoosh_index.write(tmp_path, "en", [made(number) for number in (3, 450, 700)], ["8"])
    index = whoosh.open_dir(str(tmp_path))
    reader = index.reader()
    assert len(reader.leaf_readers()) > 1
    assert reader.doc_count() < reader.doc_count_all()
    reader.close()
    assert_same_as_whoosh(tmp_path, "en", [" ".join(chooser.choices(WORDS, k=k)) for k in (1, 1, 2, 3, 5, 8)])


def read(root: Path, language: str) -> list[Document]:
    """The articles of a folder, headings found by their marks."""
    held = []
    for path in sorted((root / language).glob("*.md")):
        article = library.read(library.SourceFile(language, path.stem, str(path), ""), root).article
        if article is not None:
            headings = re.findall(r"^#+ (.+)$", article.body, re.MULTILINE)
            held.append(document(article.slug, article.title, article.body, headings, article.topic))
    return held


@pytest.mark.parametrize("language", CODES)
def test_order_is_whooshs_on_the_shipped_articles(language: str, tmp_path: Path) -> None:
    lines = (REPOSITORY / "tests" / "judgments" / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    whoosh_index.write(tmp_path, language, read(REPOSITORY / "articles", language))
    assert_same_as_whoosh(tmp_path, language, [line.split("\t")[0] for line in lines[1:]])


@pytest.mark.parametrize("language", CODES)
def test_order_is_whooshs_on_the_large_corpus(language: str, tmp_path: Path) -> None:
    """Where it is at hand, with its judged queries; else the shipped articles are asked for their titles."""
    root = corpus()
    if root is None:
        documents = read(REPOSITORY / "articles", language)
        queries = [document.title for document in documents]
    else:
        documents = read(root, language)[::ARTICLES]
        rows = [
            json.loads(line)
            for kind in ("title", "keywords", "heading", "description", "noisy")
            for line in (root.parent / "queries" / "dev" / f"{kind}.dev.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        queries = [row["query"] for row in rows if row["lang"] == language][::QUERIES]
    whoosh_index.write(tmp_path, language, documents)
    assert len(queries) > 20
    assert_same_as_whoosh(tmp_path, language, queries)


def rarities(documents: Sequence[Document]) -> dict[str, float]:
    """The rarity of every term, computed from the documents."""
    having = Counter(term for d in documents for term in set(terms("en", " ".join((d.title, *d.headings, d.text)))))
    return {term: math.log(len(documents) / (count + 1)) + 1 for term, count in having.items()}


def fitting(rarity: dict[str, float], query: Sequence[str], part: str) -> float:
    """The F-measure of a query and a part, from its definition."""
    held = set(terms("en", part))
    common = sum(rarity[term] for term in query if term in held)
    if not common:
        return 0.0
    precision, recall = common / sum(rarity[term] for term in held), common / sum(rarity[term] for term in query)
    return 2 * precision * recall / (precision + recall)


@hypothesis_settings(max_examples=20, deadline=None)
@given(st.lists(contents, min_size=1, max_size=12), st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
def test_fit_is_the_f_measure(made: list[tuple[str, str, list[str]]], words: list[str]) -> None:
    documents = [document(str(n), title, text, headings) for n, (title, text, headings) in enumerate(made)]
    rarity = rarities(documents)
    wanted = [term for term in dict.fromkeys(terms("en", " ".join(words))) if term in rarity]
    with TemporaryDirectory() as name:
        engine = opened(Path(name), *documents)
        results = engine.search("en", tuple(clue(term) for term in wanted), limit=50)
        for match in results.matches:
            article = documents[int(match.slug)]
            title = fitting(rarity, wanted, article.title)
            heading = max((fitting(rarity, wanted, text) for text in article.headings), default=0.0)
            assert match.title_fit == pytest.approx(title)
            assert match.heading_fit == pytest.approx(heading)
            raised = 1 + max(ranking.TITLE_FIT * title, ranking.HEADING_FIT * heading)
            assert match.score == pytest.approx(match.words * raised)
        for row, term in enumerate(wanted):
            best = [documents[int(match.slug)] for match in results.matches[:LOOKED_AT]]
            assert results.in_title[row] == tuple(term in terms("en", d.title) for d in best)
            anywhere = tuple(term in terms("en", " ".join((d.title, *d.headings))) for d in best)
            assert results.in_headings[row] == anywhere
        sums = [sum(column) for column in zip(*results.added, strict=True)]
        assert sums == pytest.approx([match.words for match in results.matches[:LOOKED_AT]])
        engine.close()


SMALL = (
    document("a", "Printer", "paper paper cable"),
    document("b", "Scanner", "printer", ["Paper tray", "Network printer"]),
    document("c", "Network", "tunnel and cable", topic="net"),
    document("d", "Mouse", "cable of the mouse"),
)


def test_best_of_several_ways_counts(tmp_path: Path) -> None:
    engine = opened(tmp_path, *SMALL)
    view = View(tmp_path / "en", "en")
    alone = {word: dict(zip(*_columns(view, clue(word)), strict=True)) for word in ("printer", "paper", "network")}
    both = dict(zip(*_columns(view, clue("printer", "paper")), strict=True))
    assert both == pytest.approx(
        {
            n: max(alone["printer"].get(n, 0), alone["paper"].get(n, 0) / 2)
            for n in {**alone["printer"], **alone["paper"]}
        }
    )
    # A way of several terms is the better the more of them an article has.
    pair = dict(zip(*_columns(view, clue("unknown", ("paper", "network"), worth=1.0)), strict=True))
    held = Counter(alone["paper"]) + Counter(alone["network"])
    assert pair == pytest.approx({number: impact / 2 for number, impact in held.items()})
    assert merged(view, clue("unknown", "nothing")) is None
    view.close()
    # The terms of all ways are looked for in titles and headings, and none counts twice.
    results = engine.search("en", (clue("scanner", "printer"),))
    assert results.matches[0].slug == "b"
    assert dict(zip([match.slug for match in results.matches], results.in_title[0], strict=True)) == {
        "a": True,
        "b": True,
    }
    engine.close()


def _columns(view: View, wanted: Clue) -> tuple[list[int], list[float]]:
    postings = merged(view, wanted)
    assert postings is not None
    return postings.documents.tolist(), postings.impacts.tolist()


def test_only_articles_of_the_topic(tmp_path: Path) -> None:
    engine = opened(tmp_path, *SMALL)
    assert {match.slug for match in found(engine, "cable")} == {"a", "c", "d"}
    assert [match.slug for match in found(engine, "cable", topic="net")] == ["c"]
    assert found(engine, "cable", topic="none") == ()
    cable = asked("cable")
    assert (engine.search("en", cable, "net").total, engine.search("en", cable).total) == (1, 3)
    assert engine.search("en", cable, "net").known == (True,)
    engine.close()


def test_pages_are_pieces_of_one_order(tmp_path: Path) -> None:
    chooser = random.Random(3)
    many = [
        document(
            f"n{n}", " ".join(chooser.choices(WORDS, k=3)), " ".join(chooser.choices(WORDS, k=chooser.randrange(9)))
        )
        for n in range(3 * RERANKED)
    ]
    engine = opened(tmp_path, *many)
    for text in ("printer", "printer paper", " ".join(WORDS)):
        whole = found(engine, text, limit=len(many))
        total = engine.search("en", asked(text)).total
        assert len(whole) == total > RERANKED
        assert len({match.slug for match in whole}) == total
        for offset in range(0, total + 10, 10):
            assert found(engine, text, offset=offset) == whole[offset : offset + 10]
        assert found(engine, text, limit=1) == whole[:1]
        ten = engine.search("en", asked(text))
        one = engine.search("en", asked(text), limit=1)
        assert (one.added, one.in_title, one.in_headings) == (ten.added, ten.in_title, ten.in_headings)
        # What is beyond the reach of titles and headings comes by its words alone.
        rest = whole[RERANKED:]
        assert [match.score for match in rest] == sorted((match.words for match in rest), reverse=True)
    engine.close()


def test_nothing_is_found_for_nothing(tmp_path: Path) -> None:
    engine = opened(tmp_path, *SMALL)
    assert found(engine, "") == found(engine, "the of and") == ()
    results = engine.search("en", asked("zebra giraffe"))
    assert (results.matches, results.total, results.known) == ((), 0, (False, False))
    assert results.added == results.in_title == results.in_headings == ((), ())
    known = engine.search("en", asked("printer zebra"))
    assert known.known == (True, False)
    assert known.rarity[1] > known.rarity[0]
    assert not any(known.added[1])
    assert known.matches[0].words < ceiling(known.rarity)
    engine.close()


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    assert found(engine, "printer") == ()
    assert engine.has("en", "printer") is False
    engine.close()


def test_threads_get_the_same(tmp_path: Path) -> None:
    chooser = random.Random(5)
    many = [document(f"n{n}", chooser.choice(WORDS), " ".join(chooser.choices(WORDS, k=20))) for n in range(120)]
    alone = opened(tmp_path, *many)
    queries = [" ".join(chooser.choices(WORDS, k=chooser.randrange(1, 6))) for _ in range(60)]
    expected = [found(alone, text) for text in queries]
    alone.close()
    shared = WhooshIndex(tmp_path)

    def ask(seed: int) -> bool:
        order = random.Random(seed).sample(range(len(queries)), len(queries))
        return all(found(shared, queries[number]) == expected[number] for number in order)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))
    shared.close()


def test_closing_gives_back_the_files(tmp_path: Path) -> None:
    opened(tmp_path, *SMALL).close()
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        engine = WhooshIndex(tmp_path)
        assert found(engine, "printer")
        engine.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
