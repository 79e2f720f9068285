"""The way of working with git as it is documented: its commands run, its hook refuses, its examples name what exists."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click
import pytest
import yaml

from portal.articles import Article
from portal.cli import main
from portal.locales import CODES
from portal.outline import read_outline
from portal.writing.checking.texts import Text
from portal.writing.rules import conflicts
from tests.builders import write_article, write_library
from tests.needs import REPOSITORY

EXAMPLES = REPOSITORY / "docs" / "examples"
#: Those of other subjects are in folders of their own.
FILES = sorted(path for path in EXAMPLES.iterdir() if path.is_file())
PAGE = (REPOSITORY / "docs" / "git-workflow.md").read_text(encoding="utf-8")


class Clone:
    """A writer's clone with its origin, and the product on the path.

    Args:
        folder: in which both are made.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "clone"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        (programs / "portal").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m portal "$@"\n', encoding="utf-8")
        (programs / "editor").write_text(
            '#!/bin/sh\necho "The token is in the top drawer." >> "$1"\n', encoding="utf-8"
        )
        for program in programs.iterdir():
            program.chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PORTAL_"))}
        self.environment = kept | {
            "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY), "HOME": str(folder), "TMPDIR": str(self.temporary),
            "EDITOR": "editor", "ORIGIN": str(folder / "origin.git"), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.org", "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        self.root.mkdir()
        write_library(self.root / "articles")
        write_article(self.root / "articles", "en", "vpn", "Connect", "See [the printer](printer-offline.md).")
        self.run("git init --quiet --initial-branch main . && git init --quiet --bare --initial-branch main $ORIGIN")
        self.run(
            "git remote add origin $ORIGIN && git add . && git commit --quiet -m Begin && git push --quiet origin main"
        )

    def run(self, script: str, *, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        """Run lines of a shell."""
        done = subprocess.run(
            ["sh", "-e", "-c", script],
            cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert may_fail or done.returncode == 0, done.stdout + done.stderr
        return done

    def commits(self) -> int:
        """How many commits there are."""
        return int(self.run("git rev-list --count HEAD").stdout)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone of the small library."""
    return Clone(tmp_path)


def test_the_documented_commands_run_in_their_order(clone: Clone) -> None:
    """From the first branch to the server that follows; the renamed article keeps its address."""
    blocks = re.findall(r"<!-- try -->\n```sh\n(.*?)```", PAGE, re.DOTALL)

    for block in blocks:
        clone.run(block)

    assert len(blocks) == 3
    assert "top drawer" in (clone.root / "articles" / "en" / "connect-vpn.md").read_text(encoding="utf-8")
    assert "vpn: connect-vpn\n" in (clone.root / "articles" / "redirects.yml").read_text(encoding="utf-8")
    assert (clone.root / "server" / "articles" / "en" / "vpn.md").exists()
    assert "vpn-token" in clone.run("git ls-remote --heads origin").stdout


def test_the_hook_judges_what_is_committed(clone: Clone) -> None:
    """A staged fault is refused with its line, also when the working folder is mended already; what is good passes."""
    hook = clone.root / ".git" / "hooks" / "pre-commit"
    hook.write_bytes((EXAMPLES / "pre-commit").read_bytes())
    hook.chmod(0o755)
    path = clone.root / "articles" / "en" / "vpn.md"
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace("printer-offline.md", "no-such.md"), encoding="utf-8")
    clone.run("git add articles")
    path.write_text(good + "\nMore.\n", encoding="utf-8")

    refused = clone.run("git commit -m Bad", may_fail=True)
    before = clone.commits()
    clone.run("git add articles")
    path.write_text("This is no article yet.", encoding="utf-8")
    clone.run("git commit -m Good")

    assert refused.returncode == 1
    assert re.search(r"^en/vpn\.md:7:5: error dead-link: ", refused.stderr, re.MULTILINE)
    assert "mend the errors above" in refused.stderr
    assert (before, clone.commits()) == (1, 2)
    assert "More." in clone.run("git show HEAD:articles/en/vpn.md").stdout
    assert list(clone.temporary.iterdir()) == []


@pytest.mark.parametrize("folder", ["articles", "."])
def test_the_hook_tells_only_of_what_is_committed_errors_first(clone: Clone, folder: str) -> None:
    """An old error of another file stops nobody; a file that is deleted, and one with a blank in its name, are no fault."""
    if folder == ".":
        clone.run("git config portal.articles . && git mv articles/* . && git commit --quiet -m Move")
    hook = clone.root / ".git" / "hooks" / "pre-commit"
    articles = clone.root / folder
    write_article(articles, "en", "old", "Old", "See [it](gone.md).")
    clone.run("git add . && git commit --quiet -m Old")
    hook.write_bytes((EXAMPLES / "pre-commit").read_bytes())
    hook.chmod(0o755)

    write_article(articles, "en", "new", "New", "Wait -- it takes time.")
    (articles / "a note.txt").write_text("x", encoding="utf-8")
    passed = clone.run("git add . && git commit -m Good")
    clone.run(f"git rm --quiet {folder}/en/new.md && git commit -m Deleted")
    write_article(articles, "en", "bad", "Bad", "Wait -- it takes time.\n\nSee [it](gone.md).")
    refused = clone.run("git add . && git commit -m Bad", may_fail=True)
    told = re.findall(r"^(en/\S+\.md):\d+:\d+: (\w+) ", refused.stderr, re.MULTILINE)

    assert "en/new.md:7:5: warning hyphen-as-dash: " in passed.stderr
    assert "en/old.md" not in passed.stderr + refused.stderr
    assert refused.returncode == 1
    assert told == [("en/bad.md", "error"), ("en/bad.md", "warning")]


def test_the_hook_leaves_other_work_alone(clone: Clone) -> None:
    """A commit without articles does not even start the program; without the program one with articles says so."""
    hook = clone.root / ".git" / "hooks" / "pre-commit"
    hook.write_bytes((EXAMPLES / "pre-commit").read_bytes())
    hook.chmod(0o755)
    clone.run('rm "$(command -v portal)"')
    clone.environment["PATH"] = clone.environment["PATH"].replace(str(Path(sys.executable).parent), "/nowhere")

    clone.run("echo x > notes.txt && git add . && git commit -m Notes")
    refused = clone.run("echo x >> articles/en/vpn.md && git add . && git commit -m Text", may_fail=True)

    assert refused.returncode == 1
    assert "the program portal is not found" in refused.stderr


def named() -> Iterator[tuple[str, str]]:
    """Every command of the product that the page and the examples name, with where."""
    for code in re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", PAGE, re.DOTALL):
        yield from (("git-workflow.md", line) for line in "".join(code).split("\n"))
    for path in (*FILES, REPOSITORY / ".pre-commit-hooks.yaml"):
        yield from ((path.name, line) for line in path.read_text(encoding="utf-8").split("\n"))


def test_every_command_and_option_that_is_named_exists() -> None:
    """In the page, the hook and the examples for both forges."""
    calls = [
        (place, match[1])
        for place, line in named()
        if (match := re.search(r"(?:^|run: |entry: |- |! )\s*(portal [a-z].*?)(?:\s+#.*|;.*|\s[>|].*)?$", line))
    ]
    unknown = []
    for place, call in calls:
        command: click.Command = main
        words = shlex.split(call)[1:]
        while words and isinstance(command, click.Group):
            command = command.commands.get(words.pop(0), click.Command("unknown"))
        options = {name for item in command.params for name in (*item.opts, *item.secondary_opts)}
        choices = {
            choice
            for item in command.params
            if isinstance(item.type, click.Choice)
            for choice in map(str, item.type.choices)
        }
        asked = {word for word in words if word.startswith("-") and word != "--"}
        forms = {words[place + 1] for place, word in enumerate(words[:-1]) if word == "--format"}
        unknown += [(place, call)] if command.name == "unknown" or asked - options or forms - choices else []

    assert {place for place, _ in calls} >= {"git-workflow.md", "pre-commit", "github-articles.yml", "gitlab-ci.yml"}
    assert unknown == []


def test_the_examples_are_what_the_forges_read() -> None:
    """YAML that parses, with the parts that make them work; no address of a registry."""
    github = yaml.safe_load((EXAMPLES / "github-articles.yml").read_text(encoding="utf-8"))
    gitlab = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text(encoding="utf-8"))
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))

    steps = github["jobs"]["check"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0
    assert any("sarif_file" in step.get("with", {}) for step in steps)
    assert github["permissions"] == {"contents": "read", "security-events": "write"}
    assert gitlab["articles"]["artifacts"]["reports"] == {"codequality": "articles.json"}
    assert gitlab["articles"]["script"][-1] == "portal articles check"
    assert [(hook["id"], hook["language"], hook["pass_filenames"]) for hook in hooks] == [
        ("portal-articles-check", "system", False)
    ]
    for path in FILES:
        assert not re.search(r"https?://|--index-url|pypi|ghcr|docker\.io", path.read_text(encoding="utf-8")), path


def test_every_language_has_its_owners() -> None:
    """Each folder of a language is somebody's, and each file that is named is there."""
    lines = [line.split() for line in (EXAMPLES / "CODEOWNERS").read_text(encoding="utf-8").split("\n")]
    owners = {words[0]: words[1:] for words in lines if words and not words[0].startswith("#")}

    assert [code for code in CODES if not owners.get(f"/articles/{code}/")] == []
    assert len({owners[f"/articles/{code}/"][0] for code in CODES}) == len(CODES)
    assert all(list(REPOSITORY.glob(name[1:])) for name in owners if name.startswith("/articles/"))
    assert all(owner.startswith("@") for names in owners.values() for owner in names)


def test_marks_of_a_conflict_are_errors() -> None:
    """At their lines; code may show them."""
    body = "Hello.\n\n<<<<<<< HEAD\nOne.\n=======\nTwo.\n>>>>>>> branch\n\n```\n<<<<<<< HEAD\n```\n"
    article = Article("en", "vpn", "VPN", "network", date(2026, 3, 2), body=body)

    problems = list(conflicts.of_text(Text(article, "en/vpn.md", 6, {}, read_outline(body, 6))))

    assert [(item.line, item.code) for item in problems] == [(8, "conflict-mark"), (12, "conflict-mark")]
