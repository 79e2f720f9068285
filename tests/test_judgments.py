"""Judged queries: both forms of file, what is skipped, every fault with file and line, and which are asked."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from portal.commands.quality import evaluate
from portal.judgments import BadJudgments, Judged, read_left_out, read_queries, sample
from tests.builders import write_article

QUERY = {"lang": "en", "query": "forgotten password", "relevant": ["reset-password"]}


def write(path: Path, *lines: object) -> Path:
    """Write a file; what is no text is written as JSON."""
    text = "".join((line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path) -> tuple[Judged, ...]:
    """The queries of one file."""
    return read_queries([path])[0].queries


def test_a_line_of_json_is_a_query_with_all_its_fields(tmp_path: Path) -> None:
    """The fields of noise, removal and translation; those that are not known are nothing to us."""
    path = write(
        tmp_path / "noisy.dev.jsonl",
        QUERY,
        QUERY
        | {"id": "n1", "noise": "typo1", "clean": "forgotten password", "query": "forgoten password", "base": "title"}
        | {"translation": "HT", "collection": "intune", "and_df": 6},
        QUERY | {"id": "c1", "remove": "Open the page.", "slug": "reset-password", "remove_title": True},
        QUERY | {"id": "x1", "qlang": "de", "translation": "?"},
    )

    plain, noisy, cloze, foreign = read(path)

    assert plain == Judged(
        "en forgotten password",
        "noisy",
        "en",
        "forgotten password",
        ("reset-password",),
        slug="reset-password",
        source=str(path),
    )
    assert (noisy.kind, noisy.clean, noisy.translation) == ("typo1", "forgotten password", "HT")
    assert (cloze.slug, cloze.remove, cloze.removes_titles) == ("reset-password", "Open the page.", True)
    assert (foreign.kind, foreign.translation) == ("de", "")
    assert read_queries([path])[0].changes_articles


def test_a_table_is_judged_for_rank_and_for_verdict(tmp_path: Path) -> None:
    """A dash says that nothing answers; blank lines and a byte order mark are nothing."""
    path = write(
        tmp_path / "de.tsv",
        "\ufeffquery\trelevant\tkind",
        "drucker geht nicht\tprinter-offline other\tnatural",
        "",
        "pizza\t-\tunanswerable",
    )

    known, unknown = read(path)

    assert (known.set, known.language, known.relevant) == ("judged", "de", ("printer-offline", "other"))
    assert (known.kind, known.answerable) == ("natural", True)
    assert (unknown.relevant, unknown.answerable) == ((), False)


def test_the_kind_may_be_left_out_and_what_is_printed_can_be_added(tmp_path: Path) -> None:
    """A line by hand, and the rows of `portal search judged` with their first line, below a table of either form."""
    printed = ("query\trelevant\tkind", "forgotten password\treset-password\tgap")
    path = write(tmp_path / "en.tsv", "query\trelevant", "vpn\tvpn", *printed, "printer\tprinter-offline")
    kinds = {query.text: query.kind for query in read(path)}
    assert kinds == {"vpn": "", "forgotten password": "gap", "printer": ""}


def test_a_question_with_a_close_neighbour_is_not_judged(tmp_path: Path) -> None:
    """Something else may answer it; a far neighbour does not, and what is answerable is always judged."""
    path = write(
        tmp_path / "unanswered.dev.jsonl",
        {"lang": "en", "query": "a", "relevant": [], "answerable": False, "nearest_similarity": 0.5},
        {"lang": "en", "query": "b", "relevant": [], "answerable": False, "nearest_similarity": 0.49},
        {"lang": "en", "query": "c", "relevant": ["x"], "answerable": True, "nearest_similarity": 0.9},
        {"lang": "en", "query": "d", "answerable": False},
    )

    assert [query.text for query in read(path)] == ["b", "c", "d"]


def test_a_folder_is_all_its_files_of_queries(tmp_path: Path) -> None:
    """Sorted, each once, without the lists that lie beside them."""
    write(tmp_path / "title.dev.jsonl", QUERY)
    write(tmp_path / "en.tsv", "query\trelevant", "vpn\tvpn")
    write(tmp_path / "leaveout.jsonl", {"slug": "vpn"})
    write(tmp_path / "duplicates.jsonl", {"group": ["a", "b"]})
    (tmp_path / "notes.txt").write_text("x")

    files = read_queries([tmp_path, tmp_path / "en.tsv"])

    assert [file.path.name for file in files] == ["en.tsv", "title.dev.jsonl"]
    assert not any(file.changes_articles for file in files)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "no"),
        ("[1]", "not a JSON object"),
        ("[" * 20000, "not a JSON object"),
        (QUERY | {"lang": "es"}, "lang must be one of en, fr, de, ru."),
        (QUERY | {"lang": ["en"]}, "lang must be a word"),
        ({"lang": "en", "relevant": ["x"]}, "query is missing."),
        (QUERY | {"query": "  "}, "query must be text"),
        (QUERY | {"query": 7}, "query must be text"),
        (QUERY | {"query": "x" * 5001}, "query must be text"),
        ('{"lang": "en", "query": "\\ud800", "relevant": ["x"]}', "query must be text"),
        (QUERY | {"relevant": "x"}, "relevant must be a list of slugs."),
        (QUERY | {"relevant": ["../x"]}, "relevant must be a list of slugs."),
        (QUERY | {"relevant": []}, "needs relevant, answerable"),
        (QUERY | {"answerable": "no"}, "answerable must be true or false."),
        (QUERY | {"answerable": False}, "said to be unanswerable"),
        (QUERY | {"noise": "typo"}, "needs clean"),
        (QUERY | {"noise": "\x1b[2J", "clean": "x"}, "noise must be a word"),
        (QUERY | {"kind": "two words"}, "kind must be a word"),
        (QUERY | {"translation": "XX"}, "translation must be one of original, HT, MT."),
        (QUERY | {"slug": 7}, "slug must be text"),
        (QUERY | {"relevant": ["a", "b"], "slug": "../x", "remove": "A sentence."}, "remove needs slug"),
        (QUERY | {"relevant": ["a", "b"], "remove": "A sentence."}, "remove needs slug"),
        (QUERY | {"remove_title": 1}, "remove_title must be true or false."),
        (QUERY | {"nearest_similarity": "near"}, "nearest_similarity must be a number."),
        ('"' + "x" * 70_000, "at most 65536 bytes"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, line: object, says: str) -> None:
    """One sentence that begins with file and line."""
    path = write(tmp_path / "title.jsonl", QUERY | {"id": "good"}, line)

    with pytest.raises(BadJudgments) as fault:
        read(path)

    assert str(fault.value).startswith(f"{path}:2: ")
    assert says in str(fault.value)
    assert "\x1b" not in str(fault.value)


@pytest.mark.parametrize(
    ("name", "lines", "says"),
    [
        ("es.tsv", ["query\trelevant"], "named for its language"),
        ("en.tsv", ["text\tslug"], ":1: The first line must name"),
        ("en.tsv", ["query\trelevant\tkind", "vpn"], ":2: The line has 1 columns instead of 3."),
        ("en.tsv", ["query\trelevant\tkind", "vpn\t\tx"], ":2: relevant has slugs"),
        ("en.tsv", ["query\trelevant", "vpn\tVPN!"], ":2: relevant must be a list of slugs."),
        ("en.tsv", ["query\trelevant", "vpn\tvpn", "vpn\tvpn"], "'en vpn' is there twice."),
        (".jsonl", [QUERY], "name of the set"),
    ],
)
def test_a_fault_of_a_whole_file_is_told(tmp_path: Path, name: str, lines: list[object], says: str) -> None:
    """Names, columns and queries that are there twice."""
    with pytest.raises(BadJudgments, match=r"at|name|line|relevant|twice") as fault:
        read(write(tmp_path / name, *lines))

    assert says in str(fault.value)


def test_a_query_stands_in_one_file_of_its_set(tmp_path: Path) -> None:
    """What is compared from run to run must have one name."""
    paths = [write(tmp_path / name, QUERY) for name in ("title.a.jsonl", "title.b.jsonl", "other.jsonl")]

    with pytest.raises(BadJudgments, match=r"b\.jsonl: The query 'en forgotten password' of this set is in .*a\.jsonl"):
        read_queries(paths)

    assert len(read_queries([paths[0], paths[2]])) == 2


def test_what_cannot_be_read_is_a_plain_sentence(tmp_path: Path) -> None:
    """No file, an empty folder, bytes that are no text."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "title.jsonl").write_bytes(b'{"lang": "en", "query": "\xff"}\n')

    for path, says in ((tmp_path / "no.jsonl", "No such file"), (tmp_path / "empty", "no .jsonl or .tsv file")):
        with pytest.raises(BadJudgments, match=says):
            read_queries([path])
    with pytest.raises(BadJudgments, match=r"title\.jsonl:1: The line is not UTF-8"):
        read(tmp_path / "title.jsonl")


@given(st.text(max_size=200))
def test_whatever_stands_on_a_line_is_a_query_or_a_fault(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Never any other error."""
    folder = tmp_path_factory.mktemp("any")
    for name, before in (("title.jsonl", ""), ("en.tsv", "query\trelevant\n")):
        (folder / name).write_bytes((before + text).encode("utf-8", "replace"))
        try:
            queries = read(folder / name)
        except BadJudgments:
            continue
        assert all(query.text.strip() and query.language in {"en", "fr", "de", "ru"} for query in queries)


def test_articles_are_left_out_in_all_languages_or_in_one(tmp_path: Path) -> None:
    """JSON with a language or without, a slug, or a language and a slug."""
    path = write(tmp_path / "out.jsonl", {"slug": "a", "similarity": 0.5}, {"slug": "b", "lang": "de"}, "c", "ru:d")

    is_left_out = read_left_out(path)

    assert is_left_out("en", "a")
    assert is_left_out("ru", "c")
    assert is_left_out("de", "b")
    assert not is_left_out("en", "b")
    assert is_left_out("ru", "d")
    assert not is_left_out("en", "d")
    assert not is_left_out("en", "e")


@pytest.mark.parametrize("line", ["es:a", "A b", {"lang": "en"}, {"slug": ["a"]}, {"slug": "a", "lang": "xx"}, "{"])
def test_a_line_that_names_no_article_is_a_fault(tmp_path: Path, line: object) -> None:
    """With its number."""
    with pytest.raises(BadJudgments, match=r"out\.jsonl:2: The line"):
        read_left_out(write(tmp_path / "out.jsonl", "good", line))


def test_a_sample_is_the_same_whatever_the_order() -> None:
    """So many of each set, noise and language."""
    queries = [
        Judged(f"{kind}-{language}-{number}", "noisy", language, "x", ("a",), kind, "x")
        for kind in ("typo", "layout")
        for language in ("en", "ru")
        for number in range(9)
    ]

    chosen = sample(queries, 3)

    assert len(chosen) == 12
    assert {query.id for query in sample(queries[::-1], 3)} == {query.id for query in chosen}
    assert len(sample(queries, 0)) == len(queries)


TABLE = "query\trelevant\tkind\nforgotten password\treset-password\tshort\nprinter offline\tprinter-offline\tshort\n"


def evaluated(library: Path, *arguments: str | Path) -> Result:
    """What `portal search evaluate` says of a folder of articles."""
    return CliRunner().invoke(evaluate, ["--articles", str(library), "--queries", *map(str, arguments)])


def row(found: Result, name: str) -> dict[str, Any]:
    """The row of a set in all languages."""
    rows = json.loads(found.stdout)["metrics"]
    whole: list[dict[str, Any]] = [
        r for r in rows if (r["set"], r["language"], r["translation"]) == (name, "all", "all")
    ]
    return whole[0]


def test_queries_can_be_chosen_by_file_language_and_number(library_folder: Path, tmp_path: Path) -> None:
    """Several files after one option, as a shell writes them."""
    (tmp_path / "en.tsv").write_text(TABLE)
    (tmp_path / "de.tsv").write_text("query\trelevant\nDrucker offline\tprinter-offline\n")

    both = evaluated(library_folder, tmp_path / "en.tsv", tmp_path / "de.tsv", "--limit", "1", "--json")
    german = evaluated(library_folder, tmp_path / "en.tsv", tmp_path / "de.tsv", "--languages", "de", "--json")
    unknown = evaluated(library_folder, tmp_path / "en.tsv", "--languages", "de,es")

    assert row(both, "total")["n"] == 2
    assert {item["language"] for item in json.loads(german.stdout)["metrics"]} == {"de", "all"}
    assert (unknown.exit_code, "'es' is none of" in unknown.stderr) == (2, True)


def test_articles_are_left_out_for_the_whole_run(library_folder: Path, tmp_path: Path) -> None:
    """What only they answer is told and not judged; without leaving out, the same query is warned of."""
    line = {"lang": "en", "query": "printer offline", "relevant": [], "answerable": False, "slug": "printer-offline"}
    (tmp_path / "unanswered.jsonl").write_text(json.dumps(line) + "\n")
    (tmp_path / "en.tsv").write_text(TABLE)
    (tmp_path / "leaveout.jsonl").write_text('{"slug": "printer-offline"}\n')

    files = (tmp_path / "unanswered.jsonl", tmp_path / "en.tsv")
    without, full = (
        evaluated(library_folder, *files, "--leave-out", tmp_path / "leaveout.jsonl", "--json"),
        evaluated(library_folder, *files, "--json"),
    )

    assert json.loads(without.stdout)["articles"]["en"] == 2
    assert (
        "Left out, since no article that answers it is in the folder: 1, such as 'en printer offline'."
        in without.stderr
    )
    assert row(without, "unanswered")["verdict"]["verdicts"]["answered"] == 0
    assert "with its article in the folder; --leave-out may be missing: 1" in full.stderr
    assert row(full, "judged:short")["n"] == 2


def test_all_sentences_of_a_file_are_taken_out_whichever_are_asked(library_folder: Path, tmp_path: Path) -> None:
    """A small sample measures the same articles as the whole file."""
    lines = [
        {"id": word, "lang": "en", "query": word, "relevant": ["printer-offline"], "remove": word}
        for word in ("Check the cable", "of the printer")
    ]
    (tmp_path / "cloze.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_article(library_folder, "en", "other", "Cables", "A cable for the printer.")

    whole, one = (evaluated(library_folder, tmp_path, "--json", "--limit", limit) for limit in "01")
    german = evaluated(library_folder, tmp_path, "--languages", "de")

    assert (row(whole, "cloze")["n"], row(one, "cloze")["n"]) == (2, 1)
    assert german.stderr == "portal: There is no query to ask.\n"


def test_faults_are_one_sentence_each(library_folder: Path, tmp_path: Path) -> None:
    """A wrong line, a missing file, a folder that has no articles, nothing to ask."""
    (tmp_path / "en.tsv").write_text(TABLE)
    (tmp_path / "bad.jsonl").write_text("\n{}\n")
    (tmp_path / "nothing").mkdir()

    wrong = evaluated(library_folder, tmp_path / "bad.jsonl")
    missing = evaluated(library_folder, tmp_path / "none.jsonl")
    empty = evaluated(tmp_path / "nothing", tmp_path / "en.tsv")
    nobody = evaluated(library_folder, tmp_path / "en.tsv", "--languages", "ru")

    assert (wrong.exit_code, wrong.stderr) == (
        2,
        f"portal: {tmp_path}/bad.jsonl:2: lang must be one of en, fr, de, ru.\n",
    )
    assert (missing.exit_code, "cannot be read: No such file" in missing.stderr) == (2, True)
    assert (empty.exit_code, "has none of the folders" in empty.stderr) == (1, True)
    assert (nobody.exit_code, nobody.stderr) == (1, "portal: There is no query to ask.\n")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"rows": {}}', '{"rows": {"a": 1}, "queries": {}}', '{"rows": {}, "queries": {"a": "x y"}}']
)
def test_what_is_no_baseline_is_told(library_folder: Path, tmp_path: Path, text: str) -> None:
    """Before anything is asked, with one sentence and exit 2."""
    (tmp_path / "en.tsv").write_text(TABLE)
    (tmp_path / "baseline.json").write_text(text)

    found = evaluated(library_folder, tmp_path / "en.tsv", "--baseline", tmp_path / "baseline.json")

    assert found.exit_code == 2
    assert found.stderr == f"portal: {tmp_path}/baseline.json: This is no baseline that --save-baseline has written.\n"
