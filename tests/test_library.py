"""Which files of the folder are articles, what is told of the others, and the topics; hostile files stay cheap."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal import library
from portal.articles import Topic
from portal.errors import CannotStart
from portal.problems import Problem, Severity
from portal.topics import read_topics
from tests.builders import write_article
from tests.needs import REPOSITORY

PATH = "en/vpn.md"
TOPIC = "vpn:\n  name: {en: Network, fr: Réseau, de: Netz, ru: Сеть}\n"
LEVELS = "a: &a0 [x]\n" + "".join(f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
MERGES = "a: &a0 {k: v}\n" + "".join(f"b{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30))
#: Reads every article and the topics of a folder with little time and memory, and prints the paths of the problems.
READ_ALL = """
import resource, sys
from pathlib import Path
from portal import library
from portal.topics import read_topics
for limit, value in ((resource.RLIMIT_CPU, 2), (resource.RLIMIT_AS, 1 << 30), (resource.RLIMIT_CORE, 0)):
    resource.setrlimit(limit, (value, value))
root = Path(sys.argv[1])
problems = [problem for file in library.scan(root).files for problem in library.read(file, root).problems]
of_topics = [problem for problem in read_topics(root)[1] if problem.code != "no-topics"]
print(*sorted({problem.path for problem in (*problems, *of_topics)}), end="")
"""


def told(problems: tuple[Problem, ...]) -> list[tuple[str, int, str]]:
    """Path, line and code of each problem."""
    return [(problem.path, problem.line, problem.code) for problem in problems]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one good article, `en/vpn.md`."""
    return write_article(tmp_path / "articles", slug="vpn").parent.parent


@contextmanager
def without_permission(root: Path, folder: str) -> Iterator[None]:
    """Close a folder to the test; root, who may read everything, becomes somebody else as long."""
    was = os.geteuid()
    for parent in list(root.parents)[:3] if was == 0 else []:
        parent.chmod(parent.stat().st_mode | 0o011)
    (root / folder).chmod(0)
    try:
        os.seteuid(was or 65534)
        yield
    finally:
        os.seteuid(was)
        (root / folder).chmod(0o755)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(lambda path: path.symlink_to("/etc/hostname"), ["outside-link"], id="link out of the folder"),
        pytest.param(lambda path: path.symlink_to("/dev/null"), ["outside-link"], id="link to a device"),
        pytest.param(lambda path: path.symlink_to("nowhere.md"), ["broken-link"], id="dangling link"),
        pytest.param(lambda path: path.symlink_to("x.md"), ["broken-link"], id="link to itself"),
        pytest.param(os.mkfifo, ["no-file"], id="FIFO"),
        pytest.param(Path.mkdir, ["nested-folder", "no-file"], id="folder"),
        pytest.param(lambda path: path.write_bytes(b"x" * 1_000_000), ["too-large"], id="1 MB"),
    ],
)
def test_what_is_no_plain_file_is_not_read(root: Path, make: Callable[[Path], object], expected: list[str]) -> None:
    """Links that lead out or nowhere, pipes, folders and huge files are problems; the good article stays."""
    make(root / "en/x.md")

    found = library.scan(root)

    assert told(found.problems) == [("en/x.md", 0, code) for code in expected]
    assert [file.slug for file in found.files] == ["vpn"]


@pytest.mark.parametrize(
    "stem",
    ["two words", "größe", "впн", "Wifi", "a" * 200, "a" * 121, "-a", "a-", "a--b", "a+b", "a\nb", "a\udcff"],
    ids=repr,
)
def test_a_file_name_that_is_no_slug_is_refused(root: Path, stem: str) -> None:
    """Names with spaces, capitals, signs, other scripts or more than 120 characters cannot be addresses."""
    write_article(root, slug="ok").rename(root / "en" / f"{stem}.md")

    found = library.scan(root)

    assert told(found.problems) == [(f"en/{stem}.md", 0, "invalid-slug")]
    assert [file.slug for file in found.files] == ["vpn"]


def test_two_slugs_that_differ_by_capitals_are_a_duplicate(root: Path) -> None:
    """Windows and macOS could not hold both files; the one in small letters stays."""
    write_article(root, slug="VPN")

    found = library.scan(root)

    assert told(found.problems) == [("en/VPN.md", 0, "duplicate-slug")]
    assert [file.path.name for file in found.files] == ["vpn.md"]


def test_what_editors_leave_and_other_files_are_ignored(root: Path) -> None:
    """Swap files, locks, backups and files that are not Markdown are neither articles nor problems."""
    for name in (".x.md", ".x.md.swp", "#x.md#", "~x.md", "x.md~", "x.md.bak", "x.md.tmp", "x.md.orig", "synonyms.txt"):
        (root / "en" / name).write_text("half a text", encoding="utf-8")
    (root / "en/.#x.md").symlink_to("mia@host.1234")

    found = library.scan(root)

    assert found.problems == ()
    assert [file.slug for file in found.files] == ["vpn"]


def test_a_folder_inside_a_language_is_a_warning(root: Path) -> None:
    """Nobody wonders why the articles in a nested folder do not appear."""
    write_article(root, "en/drafts", "idea")

    problem = library.scan(root).problems[0]

    assert told((problem,)) == [("en/drafts", 0, "nested-folder")]
    assert problem.severity is Severity.WARNING


def test_links_within_the_folder_and_files_of_the_largest_size_are_articles(root: Path) -> None:
    """A link to another article and a file of exactly 256 KiB with a name of 120 characters are read."""
    (root / "en/linked.md").symlink_to("vpn.md")
    largest = write_article(root, slug="a" * 120)
    largest.write_bytes(largest.read_bytes().ljust(256 * 1024, b"x"))

    found = library.scan(root)

    assert found.problems == ()
    assert [file.slug for file in found.files] == ["a" * 120, "linked", "vpn"]
    assert all(library.read(file, root).article for file in found.files)


def test_a_file_that_vanishes_or_changes_between_looking_and_reading(root: Path) -> None:
    """A vanished file is a problem of that file; a written one has another signature."""
    (before,) = library.scan(root).files
    write_article(root, slug="vpn", title="Another title")
    (after,) = library.scan(root).files
    after.path.unlink()

    reading = library.read(after, root)

    assert before.signature != after.signature
    assert (told(reading.problems), reading.article) == ([(PATH, 0, "unreadable")], None)


@pytest.mark.parametrize("given_folder", ["missing", "en/vpn.md", "en"], ids=["missing", "a file", "no languages"])
def test_a_folder_that_cannot_be_used_stops_the_start(root: Path, given_folder: str) -> None:
    """The operator is told in one plain sentence which folder is meant."""
    with pytest.raises(
        CannotStart, match=rf"^The folder of the articles, {re.escape(str(root / given_folder))}, [^\n]+\.$"
    ):
        library.scan(root / given_folder)


@pytest.mark.parametrize("closed", [".", "en"])
def test_a_folder_without_permission_stops_the_start(root: Path, closed: str) -> None:
    """A folder that the portal may not read is a plain sentence too, not a stack trace."""
    with without_permission(root, closed), pytest.raises(CannotStart) as caught:
        library.scan(root)

    assert str(root) in str(caught.value)
    assert "permission denied" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param(PATH, f"---\n{LEVELS}---\n\nBody.\n", id="laughs"),
        pytest.param(PATH, f"---\n{LEVELS}tags: *a29\n---\n\nBody.\n", id="laughs as a value"),
        pytest.param(PATH, f"---\n{LEVELS}? *a29\n: x\n---\n\nBody.\n", id="laughs as a key"),
        pytest.param(PATH, f"---\n{MERGES}---\n\nBody.\n", id="laughs by merging"),
        pytest.param(PATH, f"---\ntags: {'[' * 8000}{']' * 8000}\n---\n\nBody.\n", id="deep"),
        pytest.param("topics.yml", LEVELS, id="topics: laughs"),
        pytest.param("topics.yml", MERGES, id="topics: laughs by merging"),
        pytest.param("topics.yml", f"a: {'[' * 3000}{']' * 3000}", id="topics: deep"),
        pytest.param("topics.yml", "[" * 100_000, id="topics: very deep"),
    ],
)
def test_hostile_yaml_stays_cheap(root: Path, name: str, content: str) -> None:
    """Aliases that multiply and brackets without end cost seconds and megabytes at most, and are told as problems."""
    (root / name).write_text(content, encoding="utf-8")

    command = [sys.executable, "-c", READ_ALL, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=REPOSITORY, check=False)

    assert (done.returncode, done.stdout) == (0, name), done.stderr[-300:]


def test_topics_keep_their_order_names_and_featured_articles(root: Path) -> None:
    """Topics come in the file's order; description and featured slugs are optional; a byte order mark is no fault."""
    more = "  description: {en: Tunnels}\n  featured: [vpn]\n"
    (root / "topics.yml").write_text(f"\ufeff{TOPIC}{more}{TOPIC.replace('vpn', 'devices')}", encoding="utf-8")
    names = {"en": "Network", "fr": "Réseau", "de": "Netz", "ru": "Сеть"}

    topics, problems = read_topics(root)

    assert topics == (Topic("vpn", names, {"en": "Tunnels"}, ("vpn",)), Topic("devices", names))
    assert problems == ()


def test_no_file_of_topics_is_no_topics(root: Path) -> None:
    """The file is optional; but nothing says then what is for writers."""
    topics, problems = read_topics(root)

    assert (topics, told(problems)) == ((), [("topics.yml", 0, "no-topics")])
    assert problems[0].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b"", 1, id="empty"),
        pytest.param(b"- vpn\n", 1, id="list"),
        pytest.param(b"vpn: name: x\n", 1, id="bad YAML"),
        pytest.param(b"vpn:\n  name: en: x\n", 2, id="bad YAML on line 2"),
        pytest.param(b"vpn: {name: {en: R\xe9seau}}\n", 0, id="Latin-1"),
        pytest.param(TOPIC.encode("utf-16"), 0, id="UTF-16"),
    ],
)
def test_topics_that_cannot_be_read_are_one_problem(root: Path, content: bytes, line: int) -> None:
    """A file that is not YAML, or not names by slug, is named with its line, and there are no topics."""
    (root / "topics.yml").write_bytes(content)

    topics, problems = read_topics(root)

    assert (told(problems), topics) == ([("topics.yml", line, "bad-topics")], ())


@pytest.mark.parametrize("value", ["2026-13-45", "!!bool x", "!!timestamp x", "!!int x", "!!python/object:os.system x"])
def test_topics_with_a_value_that_yaml_cannot_build_are_a_problem(root: Path, value: str) -> None:
    """A day that does not exist, or a tag that does not fit, is a problem of the file and not an exception."""
    (root / "topics.yml").write_text(f"{TOPIC}other: {value}\n", encoding="utf-8")

    _, problems = read_topics(root)

    assert {(problem.path, problem.severity) for problem in problems} == {("topics.yml", Severity.ERROR)}


@pytest.mark.parametrize(
    "entry",
    [
        *("other:", "other: Network", "other: {}", "other: {name: Network}", "other: {name: {}}", "other: [name]"),
        *("other: {name: {es: Red}}", "other: {name: {en: 1}}", "Other: {name: {en: A}}", "a b: {name: {en: A}}"),
        *("other: {name: {en: A}, description: B}", "other: {name: {en: A}, description: {es: B}}"),
        *(r'other: {name: {en: "A\b"}}', r'other: {name: {en: A}, description: {en: "A\u2028"}}'),
        *("other: {name: {en: A}, featured: vpn}", "other: {name: {en: A}, featured: [1]}"),
    ],
)
def test_a_bad_topic_is_left_out_and_the_others_stay(root: Path, entry: str) -> None:
    """A topic without names by language, or with something else in their place, is named; the good one is kept."""
    (root / "topics.yml").write_text(f"{entry}\n{TOPIC}", encoding="utf-8")

    topics, problems = read_topics(root)

    assert [(problem.path, problem.code) for problem in problems] == [("topics.yml", "bad-topic")]
    assert [topic.slug for topic in topics] == ["vpn"]


def test_a_topic_without_a_name_in_some_language_is_a_warning(root: Path) -> None:
    """It is kept, and the writer is told which languages lack the name."""
    (root / "topics.yml").write_text("vpn: {name: {en: Network, de: Netz}}\n", encoding="utf-8")

    topics, problems = read_topics(root)

    assert [(problem.code, problem.severity) for problem in problems] == [("topic-unnamed", Severity.WARNING)]
    assert "fr, ru" in problems[0].message
    assert [topic.slug for topic in topics] == ["vpn"]


@pytest.mark.parametrize("entry", ["other: {}", "other: {name: {en: A}}"], ids=["bad topic", "unnamed topic"])
def test_a_problem_of_one_topic_has_its_line(root: Path, entry: str) -> None:
    """A writer is led to the topic that is meant; line 0 is for problems of the whole file."""
    (root / "topics.yml").write_text(f"{TOPIC}\n{entry}\n", encoding="utf-8")

    _, problems = read_topics(root)

    assert [problem.line for problem in problems] == [4]
