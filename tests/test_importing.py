"""Articles from elsewhere: front matter of every dialect, languages, slugs, links, images, and hostile folders."""

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.articles import fingerprint
from portal.cli import main
from portal.errors import CannotStart
from portal.writing.importing import BadMapping, Entry, Report, example
from portal.writing.importing import sources as reading
from portal.writing.importing.mapping import READERS, parse_mapping
from portal.writing.importing.writing import Staging
from tests.builders import write_article
from tests.exchanging import FRONT, PNG, SIMPLE, article, put, taken
from tests.needs import REPOSITORY


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """An empty folder to import."""
    (tmp_path / "theirs").mkdir()
    return tmp_path / "theirs"


def only(report: Report) -> Entry:
    """The only entry."""
    assert len(report.entries) == 1, report.entries
    return report.entries[0]


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: 'Mail: set up'\ncategory: mail\ndate: 2024-05-01 10:00:00 +0200\ntags: a, b\n---\n",
        '+++\ntitle = "Mail: set up"\ndate = 2024-05-01T10:00:00Z\ntags = ["a", "b"]\n[params]\ncategory = "mail"\n+++\n',
        '{"title": "Mail: set up", "category": ["mail", "other"], "date": "2024-05-01", "tags": ["a", "b"]}\n',
        "\ufeff---\r\ntitle: 'Mail: set up'\r\ncategory: mail\r\ndate: 2024-05-01\r\ntags: [a, b]\r\n---\r\n",
    ],
    ids=["yaml", "toml", "json", "windows"],
)
def test_every_dialect_of_front_matter_is_read(front: str, theirs: Path) -> None:
    """The same article, whatever it was written with."""
    put(theirs, "mail/set-up.md", f"{front}\nText.\n")

    report = taken(theirs)
    found = article(theirs, "en", "set-up")

    assert report.counts["refused"] == 0
    assert (found.title, found.topic, str(found.updated), found.tags) == (
        "Mail: set up",
        "mail",
        "2024-05-01",
        ("a", "b"),
    )
    assert found.body == "Text."


def test_without_front_matter_heading_folder_and_name_say_it(theirs: Path) -> None:
    """Jekyll's day in the name, the folder as topic, the first heading as title."""
    put(
        theirs,
        "Network & WLAN/2023-11-02-Connect to Wi-Fi.markdown",
        "# Connect to **Wi-Fi** {#top}\n\n## First\n\nText.",
    )

    entry = only(taken(theirs))
    found = article(theirs, "en", "connect-to-wi-fi")

    assert entry.target == "en/connect-to-wi-fi.md"
    assert (found.title, found.topic, str(found.updated)) == ("Connect to Wi-Fi", "network-wlan", "2023-11-02")
    assert found.body == "## First\n\nText."
    assert any("title from the first heading" in change for change in entry.changes)


def test_other_encodings_are_read_where_the_mapping_names_them(theirs: Path) -> None:
    """Else the file is refused at its line."""
    put(theirs, "a.md", FRONT.encode() + "Über\n".encode("cp1252"))
    put(theirs, "b.md", f"{FRONT}Ещё\x07 раз\n".encode("utf-16"))

    refused = next(entry for entry in taken(theirs, is_trial=True).entries if entry.path == "a.md")
    report = taken(theirs, f"{SIMPLE}encodings: cp1252\n")

    assert (refused.outcome, refused.line) == ("refused", 6)
    assert "encodings" in refused.reason
    assert report.counts["changed"] == 2
    assert article(theirs, "en", "a").body == "Über"
    assert article(theirs, "en", "b").body == "Ещё раз"


def test_languages_come_from_keys_names_and_folders_and_families_from_what_they_share(theirs: Path) -> None:
    """By a key that translations have in common, or by the path without the language; the source's name counts."""
    put(theirs, "en/guides/reset.md", FRONT + "A")
    put(theirs, "fr/guides/reset.md", FRONT + "B")
    put(theirs, "guides/reset.de.md", FRONT + "C")
    put(theirs, "x/vpn.md", FRONT.replace("---\n", "---\ntranslation_key: v\n", 1) + "D")
    put(theirs, "y/vpn-ru.md", FRONT.replace("---\n", "---\ntranslation_key: v\nlang: ru-RU\n", 1) + "E")
    put(theirs, "z/klingon.md", FRONT.replace("---\n", "---\nlang: tlh\n", 1) + "F")

    report = taken(theirs)

    assert {entry.target for entry in report.entries if entry.target} == {
        "en/reset.md", "fr/reset.md", "de/reset.md", "en/vpn.md", "ru/vpn.md",
    }  # fmt: skip
    assert [(entry.path, entry.line) for entry in report.entries if entry.outcome == "refused"] == [("z/klingon.md", 2)]


def test_the_same_name_in_several_folders_becomes_the_path(theirs: Path) -> None:
    """An index is called after its folder; a second text of the same language and article is refused."""
    put(theirs, "mail/set-up.md", FRONT + "A")
    put(theirs, "phone/set-up.md", FRONT + "B")
    put(theirs, "printer/index.md", FRONT + "C")
    put(theirs, "printer/index.markdown", FRONT + "D")

    report = taken(theirs)

    assert {entry.path: entry.target for entry in report.entries} == {
        "mail/set-up.md": "en/mail-set-up.md",
        "phone/set-up.md": "en/phone-set-up.md",
        "printer/index.markdown": "en/printer.md",
        "printer/index.md": "",
    }


def test_values_constants_defaults_and_what_is_left_out_are_told(theirs: Path) -> None:
    """Each change stands in the report, in words and as JSON."""
    put(
        theirs,
        "a.md",
        "---\ntitle: A\ncategory: Getting started\ndate: 1 May 2024\nweight: 3\nsecret: x\ndraft: true\n---\nText",
    )
    rules = SIMPLE + (
        "values: {topic: {Getting started: accounts}}\nconstants: {license: CC-BY-4.0}\ndefaults: {summary: None yet}\n"
        'dates: ["%d %B %Y"]\ndrop: weight\n'
    )

    report = taken(theirs, rules.replace("origin: none", "origin: 'https://old.example.org/{path}'"))
    found = article(theirs, "en", "a")

    assert (found.topic, str(found.updated), found.license, found.summary) == (
        "accounts",
        "2024-05-01",
        "CC-BY-4.0",
        "None yet",
    )
    assert (found.status.value, found.origin) == ("draft", "https://old.example.org/a.md")
    assert only(report).changes == (
        "summary: None yet, as a default",
        "'secret' (line 6) left out: the mapping says nothing of it",
    )
    assert json.loads(report.to_json())["files"][0]["outcome"] == "changed"
    assert "a.md: changed as en/a.md" in "\n".join(report.lines())


def test_translations_can_be_taken_for_current(theirs: Path) -> None:
    """They name the fingerprint of the source as it was imported."""
    put(theirs, "de/a.md", FRONT + "Text")
    put(theirs, "en/a.md", FRONT + "Text")

    taken(theirs, f"{SIMPLE}translations: current\n")

    assert article(theirs, "de", "a").source == fingerprint(article(theirs, "en", "a"))
    assert article(theirs, "en", "a").source is None


def test_nothing_is_replaced_unasked_and_a_trial_writes_nothing(theirs: Path) -> None:
    """The same file again is no change."""
    ours = theirs.parent / "ours"
    put(theirs, "a.md", FRONT + "Text")
    trial = taken(theirs, is_trial=True)
    assert (trial.counts["imported"] + trial.counts["changed"], ours.exists()) == (1, False)
    write_article(ours, "en", "a", "Ours", topic="mail")

    refused = only(taken(theirs))
    assert "there already" in refused.reason
    assert article(theirs, "en", "a").title == "Ours"

    taken(theirs, is_overwriting=True)
    assert article(theirs, "en", "a").title == "A title"
    assert only(taken(theirs)).outcome == "unchanged"
    assert sorted(path.name for path in ours.iterdir()) == ["en"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("---\ntitle: [a\n---\n", 2, "YAML"),
        ("---\ntitle: &a x\nb: *a\n---\nT", 2, "anchors"),
        ("+++\ntitle = 'a'\nx = [\n+++\nT", 3, "TOML"),
        ('{"title": "a", }\nT', 1, "JSON"),
        ("{" + '"a":{' * 5000, 1, ""),
        ("+++\na = " + "[" * 5000 + "\n+++\nT", 0, ""),
        (FRONT.replace("2024-05-01", "soon") + "T", 4, "no day"),
        (FRONT.replace("A title", "a" * 300) + "T", 2, "limit is 200"),
        ("---\ndate: 2024-05-01\ncategory: a\n---\nT", 1, "no title"),
        (FRONT, 0, "empty-body"),
        (FRONT + "[" * 3000, 6, "too-many-brackets"),
        ("\n" * 10, 0, "empty"),
    ],
)
def test_what_cannot_become_an_article_is_refused_with_its_line(
    text: str, line: int, reason: str, theirs: Path
) -> None:
    """And nothing of it is written."""
    put(theirs, "a.md", text)

    entry = only(taken(theirs))

    assert entry.outcome == "refused"
    assert reason in entry.reason
    assert not line or entry.line == line
    assert not (theirs.parent / "ours" / "en").exists()


def test_a_hostile_folder_is_bounded(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links out, pipes, giants, odd names: told, never followed; too many files stop the import."""
    put(theirs.parent, "secret.md", FRONT + "secret")
    put(theirs.parent, "shot.png", PNG)
    (theirs / "out.md").symlink_to("../secret.md")
    (theirs / "loop.md").symlink_to("loop.md")
    (theirs / "up").symlink_to("..")
    (theirs / "shot.png").symlink_to("../shot.png")
    os.mkfifo(theirs / "pipe.md")
    with (theirs / "giant.md").open("wb") as file:
        file.truncate(2 * 1024**3)
    put(theirs, "%2F..%2Fup\n\x1b[2J.md", FRONT + "![A](shot.png)")
    put(theirs, ".hidden/a.md", FRONT + "no")

    report = taken(theirs)
    told = "\n".join(report.lines())

    assert {entry.path for entry in report.entries if entry.outcome == "refused"} == {
        "out.md", "loop.md", "up", "pipe.md", "giant.md",
    }  # fmt: skip
    assert "\x1b" not in told
    assert [path.name for path in (theirs.parent / "ours").rglob("*") if path.is_file()] == ["2f-2fup-2j.md"]
    monkeypatch.setattr(reading, "MAX_ENTRIES", 3)
    with pytest.raises(CannotStart, match="smaller part"):
        taken(theirs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kes: {}", "mapping.yml:1: 'kes' is no part"),
        ("keys: {name: title}", "'name', which is none of"),
        ("drop: a\n\nkeys: {title: '@moon'}", "mapping.yml:3: 'keys' has '@moon'"),
        ("language: {from: moon}", "none of key, suffix, folder"),
        ("language: {default: tlh}", "none of en, fr, de, ru"),
        ("defaults: {updated: soon}", "must be a day"),
        ("dates: ['%q']", "no form of a day"),
        ("encodings: rot13", "no encoding"),
        ("origin: '{path.__class__}'", "no other brackets"),
        ("drop: a\ndrop: b", "mapping.yml:2: 'drop' stands twice"),
        ("a: [", "mapping.yml:1"),
    ],
)
def test_a_faulty_mapping_is_refused_with_its_line(text: str, message: str) -> None:
    """Every fault, before anything is read."""
    with pytest.raises(BadMapping) as error:
        parse_mapping(text)

    assert message in str(error.value)


def test_the_example_is_a_mapping_and_the_command_reports(theirs: Path) -> None:
    """It can be printed, read back and used."""
    put(theirs, "fr/a.md", FRONT + "Texte")
    put(theirs, "fr/b.md", "---\ntitle: B\n---\n")
    run = CliRunner()
    shown = run.invoke(main, ["articles", "import", "--example-mapping"])
    put(theirs.parent, "mapping.yml", shown.output)
    ours, report = theirs.parent / "ours", theirs.parent / "report.json"

    done = run.invoke(
        main,
        ["articles", "import", str(theirs), "--mapping", str(theirs.parent / "mapping.yml"),
         "--articles", str(ours), "--report", str(report)],
    )  # fmt: skip

    assert shown.output == example()
    assert done.exit_code == 1
    assert "fr/b.md: refused: empty-body" in done.output
    assert "1 imported, 1 refused" in done.output
    assert "topics.yml does not name: mail" in done.output
    assert json.loads(report.read_text())["counts"]["refused"] == 1
    assert (article(theirs, "fr", "a").license, article(theirs, "fr", "a").origin) == (None, "theirs/fr/a.md")


def test_an_import_that_cannot_be_written_leaves_nothing(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full at the second file: none is there, and nothing waits."""
    put(theirs, "a.md", FRONT + "Text")
    put(theirs, "b.md", FRONT + "Text")
    add = Staging.add

    def fill(stage: Staging, name: str, raw: bytes) -> None:
        if name.endswith("b.md"):
            raise OSError(28, "No space left on device")
        add(stage, name, raw)

    monkeypatch.setattr(Staging, "add", fill)

    with pytest.raises(OSError, match="No space"):
        taken(theirs)
    assert list((theirs.parent / "ours").iterdir()) == []


def test_the_page_for_writers_names_every_part_of_a_mapping() -> None:
    """And no other."""
    page = (REPOSITORY / "docs" / "importing.md").read_text(encoding="utf-8")
    table = page.split("### The mapping file", 1)[1].split("###", 1)[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(READERS)
