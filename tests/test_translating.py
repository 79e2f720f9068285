"""Translating by command: a file to fill in, what has changed since, done, and changes that need no translating."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from portal import library
from portal.cli import main
from portal.commands.articles.changes import seen
from portal.library import PLACEHOLDER
from portal.locales import CODES
from portal.outline import read_outline
from portal.writing.files.families import Refused, read_family
from portal.writing.translation.translating import begin, prepared
from tests.builders import write_article
from tests.committing import commit, git

SOURCE = """You need your telephone for this.

## Start

1. Open the app on your telephone.
2. Choose **Network**.

```sh
vpn --up
```

## If it fails {#fails}

Ask the service desk."""

GERMAN = """Sie brauchen Ihr Telefon.

## Los {#start}

1. Öffnen Sie die App auf Ihrem Telefon.
2. Wählen Sie **Netzwerk**.

```sh
vpn --up
```

## Wenn es nicht geht {#fails}

Fragen Sie den Service-Desk."""


def run(root: Path, *arguments: str) -> Result:
    """A command for writers."""
    own = {"XDG_CACHE_HOME": str(root / "cache")}
    return CliRunner(env=own).invoke(
        main, ["articles", *arguments, "--articles", str(root), "--data", str(root / "var")]
    )


def fingerprint(root: Path) -> str:
    """Of the source as it is."""
    return read_family(root, "vpn", CODES).source.fingerprint


def named(root: Path, language: str) -> str | None:
    """The text that a translation says it was made from."""
    return read_family(root, "vpn", CODES).files[language].article.source


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed article: German and French made from it, Russian from an older text."""
    root = tmp_path_factory.mktemp("articles")
    git(root, "init", "--quiet", "--initial-branch=main")
    fields = {"summary": '"How to reach the network."', "tags": "[vpn]", "license": "CC-BY-4.0"}
    write_article(root, "en", "vpn", "Connect to the network", SOURCE, significance="content", **fields)
    write_article(root, "ru", "vpn", "Подключиться", "Готово.", source='"0123456789abcdef"')
    for code, title in (("de", "Verbinden"), ("fr", "Se connecter")):
        write_article(root, code, "vpn", title, GERMAN, source=f'"{fingerprint(root)}" # of the English text')
    commit(root)
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return tmp_path


def edit(root: Path, old: str, new: str, path: str = "en/vpn.md") -> None:
    """Change a file."""
    text = (root / path).read_text(encoding="utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new), encoding="utf-8")


def test_a_new_translation_is_the_source_section_by_section(root: Path) -> None:
    """Its headings have the source's anchors, each section is marked, and it is a draft that the library reads."""
    (root / "de" / "vpn.md").unlink()

    result = run(root, "translate", "vpn", "de")
    family = read_family(root, "vpn", CODES)
    made = family.files["de"]

    assert (result.exit_code, result.stdout) == (0, f"{root}/de/vpn.md\n")
    assert made.article.body == (
        f"{PLACEHOLDER}\n\nYou need your telephone for this.\n\n## Start {{#start}}\n\n{PLACEHOLDER}\n\n"
        f"1. Open the app on your telephone.\n2. Choose **Network**.\n\n```sh\nvpn --up\n```\n\n"
        f"## If it fails {{#fails}}\n\n{PLACEHOLDER}\n\nAsk the service desk."
    )
    assert (made.article.source, made.article.status.value) == (family.source.fingerprint, "draft")
    assert (made.article.license, made.article.tags, made.article.significance) == ("CC-BY-4.0", ("vpn",), None)
    again = run(root, "translate", "vpn", "de").stdout
    assert "de/vpn.md:12: error draft-placeholder" in again
    assert "untranslated: The title" in again


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("## Start ##", "## Start {#start} ##"),
        ("Start\n-----", "Start {#start}\n-----"),
        ('## Start {title="a"}', '## Start {#start title="a"}'),
        ("## Start {: #given }", "## Start {: #given }"),
        ("## `vpn --up`", "## `vpn --up` {#vpn-up}"),
        ("## Start\n\n## Start", "## Start {#start}\n\n## Start {#start_1}"),
    ],
)
def test_headings_keep_their_anchors_however_they_are_written(heading: str, expected: str, root: Path) -> None:
    """Written out, so that a translated heading has the same."""
    write_article(root, "en", "vpn", body=f"{heading}\n\nText.")
    source = read_family(root, "vpn", CODES).source

    body = prepared(source)

    assert body.startswith(expected)
    anchors = [each.anchor for each in read_outline(body, 1).headings]
    assert anchors == [each.anchor for each in source.text.outline.headings]
    assert all(each.is_anchored for each in read_outline(body, 1).headings)


def test_every_shipped_article_can_be_begun_in_another_language(tmp_path: Path) -> None:
    """Nothing of its shape is lost, and the library reads the draft."""
    shipped = Path(__file__).parent.parent / "articles"
    shutil.copytree(shipped / "en", tmp_path / "en")
    (tmp_path / "de").mkdir()
    for file in library.scan(tmp_path).files:
        family = read_family(tmp_path, file.slug, CODES)
        begin(family, "de", tmp_path, date(2026, 3, 2))
        made = read_family(tmp_path, file.slug, CODES).files["de"].text.outline
        source = family.source.text.outline
        assert [each.anchor for each in made.headings] == [each.anchor for each in source.headings]
        assert [(each.target, each.is_image) for each in made.links] == [
            (each.target, each.is_image) for each in source.links
        ]
        assert [each.digest for each in made.code_blocks] == [each.digest for each in source.code_blocks]


def test_what_has_changed_in_the_source_is_shown_with_the_lines_it_concerns(root: Path) -> None:
    """Word by word, section by section, from git; the file is not changed."""
    before = (root / "de" / "vpn.md").read_bytes()
    edit(root, "Choose **Network**.", "Choose **Network** and wait.\n3. Choose **Go**.")
    edit(root, "## If it", "## New\n\nMore.\n\n## If it")

    result = run(root, "translate", "vpn", "de")
    lines = result.stdout.splitlines()

    assert result.exit_code == 0
    assert lines[0].startswith("de/vpn.md is stale: en/vpn.md has changed since ")
    assert "Start  (en/vpn.md:13, de/vpn.md:10)" in lines
    assert "  ~    16  2. Choose **Network**{+ and wait+}." in lines
    assert "  +    17  {+3. Choose **Go**.+}" in lines
    assert "  ~    13  2. Wählen Sie **Netzwerk**." in lines
    assert "  +    13  (to be added below this line)" in lines
    assert "New  (en/vpn.md:23)" in lines
    assert "  de/vpn.md has no such section." in lines
    assert not [line for line in lines if "fails" in line]
    assert (root / "de" / "vpn.md").read_bytes() == before
    value: dict[str, Any] = json.loads(run(root, "translate", "vpn", "de", "--json").stdout)
    assert [(row["anchor"], row["state"]) for row in value["sections"]] == [("start", "changed"), ("new", "added")]
    assert value["made_from"]["fingerprint"] == named(root, "de")


def test_a_text_that_git_does_not_know_is_said_to_be_so(root: Path, tmp_path: Path) -> None:
    """With what can be done: a revision, or comparing by hand."""
    unknown = run(root, "translate", "vpn", "ru").stdout
    edit(root, 'source: "0123456789abcdef"\n', "", "ru/vpn.md")
    unnamed = run(root, "translate", "vpn", "ru").stdout
    edit(root, "Ask the", "Call the")
    since = run(root, "translate", "vpn", "ru", "--since", "HEAD").stdout
    refused = run(root, "translate", "vpn", "ru", "--since", "--all")
    shutil.rmtree(root / ".git")
    without = run(root, "translate", "vpn", "de").stdout

    assert "No commit has the text 0123456789abcdef of en/vpn.md." in unknown
    assert "--since REVISION" in unnamed
    assert "[-Ask-]{+Call+} the service desk." in since
    assert (refused.exit_code, "is not in the revision" in refused.stderr) == (1, True)
    assert "in no git repository" in without
    assert "run portal articles translate vpn de --done" in without


def test_done_is_refused_while_something_is_left(root: Path) -> None:
    """Sections, words of the source, marks of the draft; each with its line. Forced, it is written all the same."""
    edit(root, "## If it", "## New {#new}\n\nMore.\n\n## If it")
    edit(root, "Sie brauchen Ihr Telefon.", f"{PLACEHOLDER}\n\nYou need your telephone for this.", "de/vpn.md")
    edit(root, "1. Öffnen Sie die App auf Ihrem Telefon.", "1. Open the app on your telephone.", "de/vpn.md")
    edit(root, "title:", "status: draft\ntitle:", "de/vpn.md")

    run(root, "translate", "vpn", "de")
    refused = run(root, "translate", "vpn", "de", "--done")
    old = named(root, "de")
    forced = run(root, "translate", "vpn", "de", "--done", "--force")

    assert (refused.exit_code, forced.exit_code) == (1, 0)
    assert [line.split(":")[1] for line in refused.stdout.splitlines()] == ["9", "13", "15"]
    assert "3 things are left" in refused.stderr
    assert old != fingerprint(root) == named(root, "de")


def test_done_writes_fingerprint_and_day_and_nothing_else(root: Path) -> None:
    """The remark behind the old one stays; a draft is published only when somebody says so."""
    edit(root, "Ask the", "Call the")
    edit(root, "title:", "status: draft\ntitle:", "de/vpn.md")
    before = (root / "de" / "vpn.md").read_text(encoding="utf-8")
    old = named(root, "de")

    run(root, "translate", "vpn", "de")
    first = run(root, "translate", "de/vpn.md", "de", "--done")
    text = (root / "de" / "vpn.md").read_text(encoding="utf-8")
    second = run(root, "translate", "vpn", "de", "--done", "--publish")

    assert "still a draft" in first.stderr
    assert f'source: "{fingerprint(root)}" # of the English text\n' in text
    changed = [new for new, was in zip(text.split("\n"), before.split("\n"), strict=True) if new != was]
    assert [line.partition(":")[0] for line in changed] == ["updated", "source"]
    assert old != named(root, "de")
    assert (second.exit_code, "status:" in (root / "de" / "vpn.md").read_text(encoding="utf-8")) == (0, False)
    assert "as it is now" in run(root, "translate", "vpn", "de").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none", "de"), "There is no article 'none'."),
        (("vpm", "de"), "Did you mean vpn?"),
        (("vpn", "en"), "is the source itself"),
        (("other", "de", "--done"), "There is no de/other.md yet"),
        (("vpn", "ru"), "ru/vpn.md:1 has an error (no-front-matter): mend it first."),
    ],
)
def test_what_cannot_be_translated_is_refused_with_a_sentence(
    arguments: tuple[str, ...], message: str, root: Path
) -> None:
    """No stack trace, whatever the files hold."""
    (root / "ru" / "vpn.md").write_text("broken", encoding="utf-8")
    write_article(root, "en", "other")

    result = run(root, "translate", *arguments)

    assert result.exit_code == 1
    assert message in result.stderr


def test_an_old_slug_leads_to_its_article(root: Path) -> None:
    """By redirect or alias."""
    (root / "redirects.yml").write_text("tunnel: vpn\n", encoding="utf-8")

    assert read_family(root, "tunnel", CODES).slug == "vpn"
    with pytest.raises(Refused):
        read_family(root, "../en/none", CODES)


def test_touch_keeps_fresh_what_was_fresh_and_nothing_else(root: Path) -> None:
    """Stale ones stay stale, so that a small change after a great one does not hide the great one."""
    edit(root, "Ask the", "Ask  our")
    old = named(root, "de")
    tried = run(root, "touch", "vpn", "--dry-run")
    assert named(root, "de") == old
    result = run(root, "touch", "vpn")

    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["touched", "fr/vpn.md"],
        ["touched", "de/vpn.md"],
        ["stale", "ru/vpn.md"],
    ]
    assert tried.stdout == result.stdout
    assert named(root, "de") == named(root, "fr") == fingerprint(root) != old
    assert named(root, "ru") == "0123456789abcdef"
    assert "# of the English text" in (root / "de" / "vpn.md").read_text(encoding="utf-8")


def test_a_typo_after_a_content_hides_nothing(root: Path) -> None:
    """`significance: typo` would make all translations look fresh: touch gives it back what it was before."""
    edit(root, "Choose **Network**.", "Choose **Network** and wait.")
    commit(root)
    run(root, "translate", "vpn", "fr", "--done", "--force")
    commit(root)
    edit(root, "Ask the", "Ask our")
    edit(root, "significance: content", "significance: typo")

    result = run(root, "touch", "vpn")
    family = read_family(root, "vpn", CODES)

    assert {code: family.freshness(file).value for code, file in family.files.items() if code != "en"} == {
        "fr": "fresh",
        "de": "stale",
        "ru": "stale",
    }
    assert "is content again" in result.stdout


def test_touch_says_what_it_needs(root: Path) -> None:
    """A change that is committed needs a revision, a folder without git a fingerprint."""
    old = named(root, "de")
    nothing = run(root, "touch", "vpn")
    edit(root, "Ask the", "Ask our")
    commit(root)
    shutil.rmtree(root / ".git")
    without = run(root, "touch", "vpn")
    bad = run(root, "touch", "vpn", "--from", "xyz")
    several = run(root, "touch", "none", "vpn", "--from", str(old), "--language", "de", "--json")

    assert (nothing.exit_code, "--since HEAD~1" in nothing.stderr) == (1, True)
    assert (without.exit_code, "--from FINGERPRINT" in without.stderr) == (1, True)
    assert bad.exit_code == 2
    assert several.exit_code == 1
    assert [each["outcomes"] for each in json.loads(several.stdout)] == [{"de/vpn.md": "touched"}]
    assert (named(root, "de"), named(root, "fr")) == (fingerprint(root), old)


def test_nothing_that_is_printed_turns_a_terminal() -> None:
    """Signs that control it, or the direction of writing."""
    assert seen("a\x9b31m\u202eb\n\tc\x85") == "a31mb\n\tc"


def test_a_source_with_an_error_is_to_be_mended_first(root: Path) -> None:
    """Nobody is told to take the source out of a good translation."""
    path = root / "en" / "vpn.md"
    path.write_text(path.read_text(encoding="utf-8").replace("topic:", "topik: x\ntopic:", 1), encoding="utf-8")
    write_article(root, "de", "vpn", source='"0123456789abcdef"')

    result = run(root, "translate", "vpn", "de")

    assert result.exit_code == 1
    assert "en/vpn.md:3 has an error (unknown-key): mend it first." in result.stderr
    assert "remove it" not in result.stderr
