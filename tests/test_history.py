"""Git as the memory of the articles: real repositories, renamed files, hostile settings, and none at all."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from portal.articles import fingerprint
from portal.library import MAX_BYTES
from portal.writing.files import history
from portal.writing.files.history import History, is_revision, slugs_ever
from tests.builders import write_article
from tests.committing import DAY, commit, git


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a folder of articles below its top: `en/vpn.md` in three versions, renamed before the last."""
    top = tmp_path_factory.mktemp("template")
    git(top, "init", "--quiet", "--initial-branch=main")
    root = top / "help" / "articles"
    for number in (1, 2, 3):
        if number == 3:
            (root / "en" / "tunnel.md").rename(root / "en" / "vpn.md")
            commit(top)
        slug, body = (
            "vpn" if number == 3 else "tunnel",
            f"Version {number}.\n\nThe rest of the text stays, word for word.",
        )
        write_article(root, "en", slug, "Connect", body)
        commit(top)
    return top


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """The articles of a copy of it."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return tmp_path / "help" / "articles"


def bodies(root: Path) -> list[str]:
    """The first words of every version."""
    return [each.article.body[:10] for each in History(root).versions("en", "vpn")]


def test_the_versions_of_a_text_come_back_newest_first(root: Path) -> None:
    """Also from before its file was renamed; a version with another name and the same text counts once."""
    assert bodies(root) == ["Version 3.", "Version 2.", "Version 1."]


def test_the_text_with_a_fingerprint_is_found(root: Path) -> None:
    """With the commit and its day."""
    first = [*History(root).versions("en", "vpn")][-1]

    found = History(root).version("en", "vpn", fingerprint(first.article))

    assert found == first
    assert (found.day, found.body_line, found.revision) == (DAY, 7, git(root, "log", "--format=%h").split()[-1])
    assert History(root).version("en", "vpn", "0" * 16) is None
    assert History(root).version("de", "vpn", "0" * 16) is None


def test_what_was_committed_is_read_at_any_revision(root: Path) -> None:
    """Not what the folder holds now; a revision that is none has no text."""
    write_article(root, "en", "vpn", "Connect", "Not yet committed.")
    asked = History(root)

    for revision, slug, body in (
        ("HEAD", "vpn", "Version 3."),
        ("HEAD~2", "tunnel", "Version 2."),
        ("main~3", "tunnel", "Version 1."),
    ):
        found = asked.committed("en", slug, revision)
        assert found is not None
        assert found.article.body.startswith(body)
    for revision in ("HEAD~2", "nowhere", "HEAD~99", "--output=x", "HEAD\nHEAD", "main..HEAD", ""):
        assert asked.committed("en", "vpn", revision) is None
    assert (asked.has("HEAD~3"), asked.has("HEAD~4"), asked.has("-h")) == (True, False, False)


def test_every_slug_that_ever_was_is_known(root: Path) -> None:
    """Of deleted and renamed files too; other files are none."""
    write_article(root, "fr", "accès")
    write_article(root, "fr", "vpn")
    (root / "fr" / "inner").mkdir()
    (root / "fr" / "inner" / "no.md").write_text("No.")
    (root / "topics.yml").write_text("a: {}")
    commit(root)
    (root / "fr" / "vpn.md").unlink()
    commit(root)

    assert slugs_ever(root) == {"en": {"tunnel", "vpn"}, "fr": {"accès", "vpn"}}


def test_a_change_made_while_merging_is_a_version(root: Path) -> None:
    """Whoever resolves a conflict writes a text that neither branch had."""
    git(root, "checkout", "--quiet", "-b", "branch", "HEAD~1")
    write_article(root, "en", "other")
    commit(root)
    git(root, "merge", "--quiet", "--no-commit", "main")
    write_article(root, "en", "vpn", "Connect", "Version 4.")
    commit(root)

    assert bodies(root)[:2] == ["Version 4.", "Version 3."]


def test_versions_that_are_no_articles_are_passed_over(root: Path) -> None:
    """Broken, too large, deleted for a while."""
    path = root / "en" / "vpn.md"
    good = path.read_bytes()
    for bad in (b"no front matter", b"x" * (MAX_BYTES + 1), None, good.replace(b"Version 3", b"Version 5")):
        path.unlink() if bad is None else path.write_bytes(bad)
        commit(root)

    assert bodies(root) == ["Version 5.", "Version 3.", "Version 2.", "Version 1."]


def test_settings_of_a_hostile_repository_run_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its own ones nor those of the environment."""
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\necho x >> {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    (root / ".gitattributes").write_text("*.md diff=evil filter=evil merge=evil\n")
    commit(root)
    for name in ("core.fsmonitor", "diff.external", "diff.evil.textconv", "diff.evil.command", "filter.evil.smudge",
                 "filter.evil.process", "core.pager", "gpg.program", "core.sshCommand", "core.askPass", "core.editor",
                 "core.alternateRefsCommand", "pager.log", "alias.log", "credential.helper"):  # fmt: skip
        git(root, "config", name, str(trap) if name != "alias.log" else f"!{trap}")
    git(root, "config", "log.showSignature", "true")
    git(root, "config", "core.hooksPath", str(tmp_path))
    for name in ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_SSH", "GIT_ASKPASS"):
        monkeypatch.setenv(name, str(trap))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "sprung"))

    asked = History(root)

    assert asked.committed("en", "vpn") is not None
    assert len([*asked.versions("en", "vpn")]) == 3
    assert asked.slugs_ever()
    assert not (tmp_path / "sprung").exists()


def test_older_git_fetches_nothing_either(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it knew GIT_NO_LAZY_FETCH it fetched what a partial clone lacks, by the program that the settings name."""
    given: list[dict[str, str]] = []
    real = subprocess.run

    def spy(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        given.append(options["env"])
        return real(command, **options)

    monkeypatch.setattr(subprocess, "run", spy)
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "ext")

    assert bodies(root)
    assert {env["GIT_ALLOW_PROTOCOL"] for env in given} == {"none"}


def test_where_git_knows_nothing_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository, no commit, no program, no folder: one sentence, and no answers."""
    (tmp_path / "bare").mkdir()
    asked = History(tmp_path / "bare")
    assert asked.reason == "The folder of the articles is in no git repository."
    assert ([*asked.versions("en", "vpn")], asked.committed("en", "vpn"), asked.slugs_ever()) == ([], None, {})

    git(tmp_path, "init", "--quiet")
    assert History(tmp_path).reason == "The repository has no commit yet."
    assert (
        History(tmp_path / ".git").reason
        == "The folder of the articles is not in the working tree of a git repository."
    )
    assert History(tmp_path / "none").reason == "Git cannot be asked: No such file or directory."

    monkeypatch.setattr(history, "PATIENCE", 0.0)
    assert "no answer within" in History(tmp_path).reason
    monkeypatch.setenv("PATH", "")
    assert History(tmp_path).reason == "Git is not installed."


def test_a_shallow_clone_says_so(root: Path, tmp_path: Path) -> None:
    """Its first commit has all files, the earlier versions are not there."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{tmp_path}", str(clone))

    asked = History(clone / "help" / "articles")

    assert (asked.reason, asked.is_shallow, History(root).is_shallow) == ("", True, False)
    assert [each.article.body[:10] for each in asked.versions("en", "vpn")] == ["Version 3."]


@pytest.mark.parametrize("text", ["HEAD", "HEAD~3", "v1.0", "feature/x", "main@{2}", "0123abc", "HEAD^"])
def test_revisions_as_people_type_them(text: str) -> None:
    """Names, tags, distances."""
    assert is_revision(text)
