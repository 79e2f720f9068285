"""A translation is done when somebody has seen the text that it is said to be made from; a touch hides and ages nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from portal.cli import main
from portal.locales import CODES
from portal.writing.files.families import read_family
from portal.writing.translation import shown
from tests.builders import write_article
from tests.committing import commit, git


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A committed article with a German and a French translation."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    write_article(tmp_path, "en", "vpn", "Connect", "Ask the service desk for help.")
    now = read_family(tmp_path, "vpn", CODES).source.fingerprint
    for code, text in (("de", "Fragen Sie den Service-Desk um Hilfe."), ("fr", "Demandez au centre de services.")):
        write_article(tmp_path, code, "vpn", f"Titel {code}", text, source=f'"{now}"')
    commit(tmp_path)
    return tmp_path


def run(root: Path, *arguments: str) -> Result:
    """A command of a translator."""
    own = {"XDG_CACHE_HOME": str(root / "cache")}
    return CliRunner(env=own).invoke(
        main, ["articles", *arguments, "--articles", str(root), "--data", str(root / "var")]
    )


def edit(root: Path, old: str, new: str, path: str = "en/vpn.md") -> None:
    """Change a file."""
    text = (root / path).read_text(encoding="utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new), encoding="utf-8")


def freshness(root: Path, language: str) -> str:
    """What readers are told of a translation."""
    family = read_family(root, "vpn", CODES)
    return family.freshness(family.files[language]).value


def test_a_change_that_nobody_was_shown_is_not_done(root: Path) -> None:
    """Neither one since the translation was begun, nor one since the last was shown; shown, plain --done suffices."""
    (root / "de" / "vpn.md").unlink()
    run(root, "translate", "vpn", "de")
    edit(root, "Ask the", "Never ask the")
    write = (root / "de" / "vpn.md").read_text(encoding="utf-8").split("---")[1]
    (root / "de" / "vpn.md").write_text(f"---{write}---\n\nFragen Sie nie.\n".replace("Connect", "Verbinden"), "utf-8")

    begun = run(root, "translate", "vpn", "de", "--done", "--publish")
    run(root, "translate", "vpn", "de")
    edit(root, "for help", "for anything")
    again = run(root, "translate", "vpn", "de", "--done", "--publish")
    stale = freshness(root, "de")
    run(root, "translate", "vpn", "de")
    done = run(root, "translate", "vpn", "de", "--done", "--publish")

    assert [each.exit_code for each in (begun, again, done)] == [1, 1, 0]
    assert "run portal articles translate vpn de" in begun.stderr
    assert (stale, freshness(root, "de")) == ("stale", "fresh")


def test_who_has_compared_elsewhere_names_the_text(root: Path) -> None:
    """The present one; another one is refused. Forced, nothing is asked."""
    edit(root, "Ask the", "Never ask the")
    now = read_family(root, "vpn", CODES).source.fingerprint

    other = run(root, "translate", "vpn", "de", "--done", "--from", "0123456789abcdef")
    right = run(root, "translate", "vpn", "de", "--done", "--from", now)
    forced = run(root, "translate", "vpn", "fr", "--done", "--force")
    alone = run(root, "translate", "vpn", "fr", "--from", now)

    assert [each.exit_code for each in (other, right, forced, alone)] == [1, 0, 0, 2]
    assert f"--from {now}" in other.stderr


def test_what_was_shown_is_kept_for_the_last_ones_and_never_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is none of ours, and a place that cannot be written, are as if nothing had been shown."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shown, "MOST", 2)
    for name in ("a", "b", "a", "c"):
        shown.remember(Path(name), name * 16)
    kept = [shown.last(Path(name)) for name in ("a", "b", "c")]
    (tmp_path / "portal" / "shown.json").write_text("[" * 100_000, encoding="utf-8")
    broken = shown.last(Path("a"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "portal" / "shown.json"))
    shown.remember(Path("a"), "f" * 16)

    assert kept == ["a" * 16, "", "c" * 16]
    assert (broken, shown.last(Path("a"))) == ("", "")


def test_touching_one_language_makes_no_other_stale(root: Path) -> None:
    """The mark of a typing error keeps all of them fresh, and would go."""
    edit(root, "Ask the", "Ask  our")
    edit(root, "title:", "significance: typo\ntitle:")
    before = [freshness(root, code) for code in ("de", "fr")]

    one = run(root, "touch", "vpn", "--language", "fr")
    kept = [freshness(root, code) for code in ("de", "fr")]
    both = run(root, "touch", "vpn", "--language", "fr", "--language", "de")

    assert (one.exit_code, "de/vpn.md" in one.stderr) == (1, True)
    assert before == kept == ["fresh", "fresh"]
    assert (both.exit_code, [freshness(root, code) for code in ("de", "fr")]) == (0, ["fresh", "fresh"])
