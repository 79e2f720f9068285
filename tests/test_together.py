"""Several files changed together: killed, disturbed or failing in between, nothing that somebody wrote is lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal import library
from portal.articles import fingerprint
from portal.cli import main
from portal.writing.files import together
from portal.writing.files.leftovers import beside
from portal.writing.files.together import ChangedMeanwhile, Delete, HalfDone, Move, Step, Write, carry_out
from portal.writing.slugs.renaming import plan_rename
from tests.builders import write_article

#: Renames `vpn` to `tunnel`, and is killed before the step of that number.
KILLED = """
import os, sys
from pathlib import Path
from portal.writing.files import together
from portal.writing.slugs.renaming import plan_rename

do, steps = together._do, iter(range(100))
def killed(*arguments):
    if next(steps) == int(sys.argv[2]):
        os.kill(os.getpid(), 9)
    do(*arguments)
together._do = killed
plan_rename(Path(sys.argv[1]), "vpn", "tunnel", "en").carry_out()
"""


def names(folder: Path) -> set[str]:
    """Everything in a folder, hidden or not."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An article in three languages; another one links to it, and its translation is up to date."""
    root = tmp_path / "articles"
    for code in ("en", "de", "ru"):
        write_article(root, code, "vpn", f"VPN {code}", "See [above](vpn.md).")
    article = library.parse(write_article(root, "en", "wifi", "Wi-Fi", "[VPN](vpn.md)").read_bytes(), "en", "wifi", "")
    assert article.article is not None
    write_article(root, "de", "wifi", "WLAN", "Text.", source=f'"{fingerprint(article.article)}"')
    return root


def killed_after(root: Path, steps: int) -> None:
    """Begin a rename that does not end."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(root), str(steps)], check=False)
    assert done.returncode == -signal.SIGKILL


def articles(*arguments: str) -> str:
    """What a command of `portal articles` says."""
    return CliRunner().invoke(main, ["articles", *arguments]).output


def contents(root: Path) -> dict[str, bytes]:
    """Every file's bytes."""
    return {name: (root / name).read_bytes() for name in names(root)}


@pytest.mark.parametrize("steps", [2, 4, 8])
def test_a_rename_that_was_killed_is_finished_by_the_same_command(steps: int, root: Path, tmp_path: Path) -> None:
    """Whether files had their new names or links were turned: all is as if it had not been killed, fresh ones too."""
    whole = tmp_path / "whole"
    subprocess.run(["cp", "-r", str(root), str(whole)], check=True)
    plan_rename(whole, "vpn", "tunnel", "en").carry_out()
    killed_after(root, steps)
    assert any(name.endswith(".tmp") for name in names(root))

    told = articles("rename", "vpn", "tunnel", "--articles", str(root))

    assert "resumed   a rename that was interrupted" in told
    assert contents(root) == contents(whole)
    assert "nothing is left to do" in articles("rename", "vpn", "tunnel", "--articles", str(root))


def test_what_a_killed_rename_has_left_cannot_be_retired_by_mistake(root: Path) -> None:
    """The translations that still have the old name would be deleted; it says what finishes the rename."""
    killed_after(root, 2)
    before = contents(root)

    told = articles("retire", "vpn", "--to", "tunnel", "--articles", str(root))

    assert "vpn would be deleted in de, ru, and tunnel cannot be read there." in told
    assert "portal articles rename vpn tunnel" in told
    assert contents(root) == before


def test_slugs_without_a_common_language_are_not_told_to_be_retired(root: Path) -> None:
    """That would delete translations; with a line in `redirects.yml` they become one article."""
    write_article(root, "fr", "tunnel", "Tunnel", "Texte.")

    told = articles("rename", "vpn", "tunnel", "--articles", str(root))

    assert "retire" not in told
    assert "write vpn: tunnel into redirects.yml" in told
    (root / "redirects.yml").write_text("vpn: tunnel\n", encoding="utf-8")
    articles("rename", "vpn", "tunnel", "--articles", str(root))
    assert {f"{code}/tunnel.md" for code in ("en", "fr", "de", "ru")} <= names(root)


def test_only_what_the_dead_have_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of processes that live, of other machines, and of somebody's editor stay."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    living, path = beside(tmp_path / "a.md"), tmp_path / "a.md"
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: ended.pid)
        dead = beside(path)
    machine = dead.name.split(".")[-2].split("-")[0]
    other = dead.with_name(dead.name.replace(machine, "0" * 8))
    kept = {living, other, tmp_path / ".a.md.tmp", path}
    for each in (*kept, dead):
        each.write_bytes(b"")

    carry_out([Write(path, b"new")], {path: b""})

    assert names(tmp_path) == {each.name for each in kept}


def after_staging(monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], object]) -> None:
    """Let something happen when a file is about to be changed."""
    stage = together._stage

    def disturbed(step: Write, like: Path) -> Path:
        place = stage(step, like)
        act(step.path)
        return place

    monkeypatch.setattr(together, "_stage", disturbed)


def test_what_is_saved_at_the_last_moment_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file that was changed nor one that has appeared; what was done before is taken back."""
    one, two, moved, made = (tmp_path / f"{name}.md" for name in ("one", "two", "moved", "made"))
    one.write_bytes(b"old")
    two.write_bytes(b"old")
    after_staging(monkeypatch, lambda path: path.write_bytes(b"saved") if path in (two, made) else None)

    plans: list[list[Step]] = [
        [Move(one, moved), Write(moved, b"new"), Write(two, b"new")],
        [Delete(one), Write(made, b"new")],
    ]
    for steps in plans:
        with pytest.raises(ChangedMeanwhile):
            carry_out(steps, {one: b"old", two: two.read_bytes(), made: None})

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "one.md": b"old", "two.md": b"saved", "made.md": b"saved"
    }  # fmt: skip


def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    """Also where it appears between the last look and the deed."""
    staged, path = tmp_path / "staged", tmp_path / "a.md"
    staged.write_bytes(b"new")
    path.write_bytes(b"saved")

    with pytest.raises(ChangedMeanwhile):
        together._make(staged, path)

    assert path.read_bytes() == b"saved"


@pytest.mark.parametrize("failing", ["one.md", "two.md"])
def test_a_write_that_fails_leaves_nothing_beside(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second name of a file that was not replaced goes, too."""
    one, two = tmp_path / "one.md", tmp_path / "two.md"
    one.write_bytes(b"old")
    two.write_bytes(b"old")
    replace = Path.replace

    def full(self: Path, to: Path) -> Path:
        if to.name == failing and self.read_bytes() == b"new":
            raise OSError(28, "No space left on device")
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", full)

    with pytest.raises(OSError, match="No space"):
        carry_out([Write(one, b"new"), Write(two, b"new")], {one: b"old", two: b"old"})

    assert contents(tmp_path) == {"one.md": b"old", "two.md": b"old"}


def test_taking_back_does_not_overwrite_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who saved between the deed and its failure keeps what was saved; the message names where the old text is."""
    one, two = tmp_path / "one.md", tmp_path / "two.md"
    one.write_bytes(b"old")
    two.write_bytes(b"old")
    replace = Path.replace

    def full(self: Path, to: Path) -> Path:
        if to == two:
            one.write_bytes(b"saved")
            raise OSError(28, "No space left on device")
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", full)

    with pytest.raises(HalfDone, match=r"see .*\.one\.md\."):
        carry_out([Write(one, b"new"), Write(two, b"new")], {one: b"old", two: b"old"})

    assert one.read_bytes() == b"saved"
    assert sorted(contents(tmp_path).values()) == [b"old", b"old", b"saved"]
