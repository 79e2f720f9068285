"""Old slugs: `redirects.yml` is read strictly, chains are flattened, circles refused, and nothing is forgotten."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import library, redirects
from portal.articles import fingerprint
from portal.old_slugs import Fault, flatten
from portal.outline import read_outline
from portal.problems import Severity
from portal.writing.checking.texts import Collection, Facts
from portal.writing.rules import redirecting
from tests.builders import write_article

NAMES = st.sampled_from("abcdefgh")


def write_redirects(root: Path, text: str) -> Path:
    """The file of old slugs."""
    path = root / "redirects.yml"
    path.write_text(text, encoding="utf-8")
    return path


def collected(root: Path) -> Collection:
    """The texts of a folder as the check has them."""
    texts = {}
    for file in library.scan(root).files:
        reading = library.read(file, root)
        if article := reading.article:
            texts[file.language, file.slug] = Facts(
                article, f"{file.language}/{file.slug}.md", reading.body_line, dict(reading.lines),
                read_outline(article.body, reading.body_line), fingerprint(article),
            )  # fmt: skip
    return Collection(texts)


def found(root: Path) -> list[tuple[str, int, str]]:
    """Path, line and code of every problem."""
    return sorted((item.path, item.line, item.code) for item in redirecting.of_folder(root, collected(root)))


def slow_end(old: str, steps: dict[str, str], slugs: set[str]) -> str | Fault:
    """Where an old slug leads, one step after the other."""
    seen = set()
    while old not in slugs:
        if old in seen:
            return Fault.LOOP
        if old not in steps:
            return Fault.DEAD
        seen.add(old)
        old = steps[old]
    return old


@given(st.dictionaries(NAMES, NAMES), st.dictionaries(NAMES, NAMES), st.sets(NAMES))
@settings(deadline=None, max_examples=300)
def test_every_old_slug_leads_where_step_after_step_leads(
    lines: dict[str, str], aliases: dict[str, str], slugs: set[str]
) -> None:
    """In one step to an article, or nowhere for a reason; articles never lead away."""
    leads, faults = flatten(lines, aliases, slugs)

    steps = {**aliases, **lines}
    assert leads.keys() | faults.keys() == steps.keys()
    assert set(leads.values()) <= slugs
    for old in steps:
        expected = Fault.IN_USE if old in slugs else slow_end(old, steps, slugs)
        assert leads.get(old, faults.get(old)) == expected


def test_a_chain_of_all_names_there_may_be_is_flattened_at_once() -> None:
    """No recursion, and no second look at what is known."""
    number = 200_000
    chain = {str(place): str(place + 1) for place in range(number)}

    leads, faults = flatten(chain, {}, {str(number)})

    assert set(leads.values()) == {str(number)}
    assert not faults


def test_the_file_is_read_with_its_lines(tmp_path: Path) -> None:
    """Remarks, Windows line ends, a byte order mark; what YAML takes for something else is a slug all the same."""
    write_redirects(
        tmp_path, "\ufeff# Renamed in spring\r\nold: new\r\nno: 2026-03-31\r\n12: on # a remark\r\ngone: ~\r\n"
    )

    file = redirects.read(tmp_path)

    assert [(entry.old, entry.new, entry.line) for entry in file.entries] == [
        ("old", "new", 2), ("no", "2026-03-31", 3), ("12", "on", 4), ("gone", None, 5)
    ]  # fmt: skip
    assert file.problems == ()
    assert redirects.read_redirects(tmp_path) == ({"old": "new", "no": "2026-03-31", "12": "on"}, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b\nOld: c\n", [(2, "bad-redirect")]),
        ("a: b\nc: ../en/d.md\n", [(2, "bad-redirect")]),
        ("a: b\nc: d.md#e\nf:\n", [(2, "bad-redirect"), (3, "bad-redirect")]),
        ('a: b\nc: "~"\nd: [e]\nf: {g: h}\n', [(2, "bad-redirect"), (3, "bad-redirect"), (4, "bad-redirect")]),
        ("a: b\na: c\n", [(2, "duplicate-redirect")]),
        ("a: b\nc: [\n", [(3, "bad-redirects")]),
        ("a: &x b\nc: *x\n", [(1, "bad-redirects")]),
        ("- a\n- b\n", [(1, "bad-redirects")]),
        ("a: b\nc: !!python/name:os.system d\n", [(2, "bad-redirects")]),
        ("a: \x07\n", [(1, "bad-redirects")]),
        (f"{'a' * 121}: b\n", [(1, "bad-redirect")]),
        ("", []),
        ("# nothing yet\n", []),
    ],
)
def test_every_fault_of_the_file_has_its_line(text: str, expected: list[tuple[int, str]], tmp_path: Path) -> None:
    """The lines beside it still count, unless nothing can be read at all."""
    write_redirects(tmp_path, text)

    file = redirects.read(tmp_path)

    assert [(problem.line, problem.code) for problem in file.problems] == expected
    assert file.is_readable == all(code != "bad-redirects" for _, code in expected)
    assert file.mapping == ({"a": "b"} if text.startswith("a: b") and file.is_readable else {})


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    """Bytes that are no text, more than fits, a folder, a link out of the folder; each one problem."""
    root = tmp_path / "articles"
    root.mkdir()
    path = root / "redirects.yml"
    outside = tmp_path / "outside.yml"
    outside.write_text("a: b\n", encoding="utf-8")

    told = []
    for raw in (b"a: b\nc: \xff\n", b"# " + b"x" * redirects.MAX_BYTES):
        path.write_bytes(raw)
        told += [(problem.line, problem.code) for problem in redirects.read(root).problems]
    path.unlink()
    path.symlink_to(outside)
    told += [(problem.line, problem.code) for problem in redirects.read(root).problems]
    path.unlink()
    path.mkdir()
    told += [(problem.line, problem.code) for problem in redirects.read(root).problems]

    assert told == [(2, "bad-redirects"), (0, "bad-redirects"), (0, "bad-redirects"), (0, "bad-redirects")]
    assert redirects.read(tmp_path) == redirects.Redirects()


def test_the_file_is_read_again_only_when_it_was_written(tmp_path: Path) -> None:
    """The same value as long as nothing has changed."""
    path = write_redirects(tmp_path, "a: b\n")
    file = redirects.File(tmp_path)
    first = file.read()

    assert file.read() is first
    path.unlink()
    assert file.read() == redirects.Redirects()


def test_more_lines_than_there_may_be_are_left_out(tmp_path: Path) -> None:
    """The first ones count, and the line is named from which on they do not."""
    write_redirects(tmp_path, "".join(f"a{number}: b\n" for number in range(redirects.MAX_ENTRIES + 2)))

    file = redirects.read(tmp_path)

    assert len(file.entries) == redirects.MAX_ENTRIES
    assert [(problem.line, problem.code) for problem in file.problems] == [
        (redirects.MAX_ENTRIES + 1, "too-many-redirects")
    ]


def test_each_rule_has_its_line(tmp_path: Path) -> None:
    """Circles, dead ends, slugs in use, drafts, and what an article's aliases tell too; good lines are silent."""
    write_article(tmp_path, "en", "vpn", aliases="[tunnel, shared]")
    write_article(tmp_path, "fr", "wifi")
    write_article(tmp_path, "de", "new-one", status="draft")
    write_redirects(
        tmp_path,
        "one: two\ntwo: vpn\n"  # A chain is good.
        "a: b\nb: a\nself: self\ninto: a\n"
        "dead: nothing\nbefore: dead\n"
        "vpn: wifi\n"
        "soon: new-one\n"
        "shared: wifi\n"
        "over: ~\nfinished: over\n",
    )

    assert found(tmp_path) == [
        ("redirects.yml", 3, "redirect-loop"),
        ("redirects.yml", 4, "redirect-loop"),
        ("redirects.yml", 5, "redirect-loop"),
        ("redirects.yml", 6, "redirect-loop"),
        ("redirects.yml", 7, "dead-redirect"),
        ("redirects.yml", 9, "redirect-of-used-slug"),
        ("redirects.yml", 10, "redirect-to-draft"),
        ("redirects.yml", 11, "duplicate-redirect"),
    ]


def test_a_target_whose_file_has_an_error_is_not_dead(tmp_path: Path) -> None:
    """The file's own error is enough."""
    write_article(tmp_path, "en", "vpn", nonsense="true")
    write_redirects(tmp_path, "old: vpn\n")

    assert found(tmp_path) == []


def test_links_to_old_slugs_are_named_at_their_place(tmp_path: Path) -> None:
    """To redirects and to aliases, with the slug of today; images and code are not meant."""
    write_article(tmp_path, "en", "vpn", aliases="[tunnel]")
    body = "See [a](old.md#x) and\n[b](../en/tunnel.md), `[c](old.md)`, [d](vpn.md)."
    write_article(tmp_path, "de", "wifi", body=body)
    write_redirects(tmp_path, "old: older\nolder: vpn\n")

    problems = list(redirecting.of_folder(tmp_path, collected(tmp_path)))

    assert [(item.path, item.line, item.column, item.code, item.message) for item in problems] == [
        ("de/wifi.md", 7, 5, "link-to-old-slug", "old.md is vpn.md now."),
        ("de/wifi.md", 8, 1, "link-to-old-slug", "tunnel.md is vpn.md now."),
    ]


def git(root: Path, *arguments: str) -> None:
    """Run git in a repository of the test."""
    settings_of = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *settings_of, *arguments], cwd=root, check=True, capture_output=True, timeout=30)


def test_a_slug_that_was_committed_once_must_lead_somewhere(tmp_path: Path) -> None:
    """Deleted without a word it is lost; a redirect, an alias, or a given-up address is a word."""
    root = tmp_path / "articles"
    for slug in ("kept", "forgotten", "led", "named", "over", "broken"):
        write_article(root, "en", slug)
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "All")
    for slug in ("forgotten", "led", "named", "over"):
        (root / "en" / f"{slug}.md").unlink()
    write_article(root, "en", "kept", aliases="[named]")
    write_article(root, "en", "broken", nonsense="true")
    write_redirects(root, "led: kept\nover: ~\n")

    problems = [item for item in redirecting.of_folder(root, collected(root)) if item.code == "lost-address"]

    assert [(item.path, item.line, item.severity) for item in problems] == [("redirects.yml", 0, Severity.WARNING)]
    assert "forgotten" in problems[0].message


def test_every_problem_has_a_rule_with_its_severity(tmp_path: Path) -> None:
    """What is reported is explained, and explained as what it is reported."""
    rules = {rule.code: rule.severity for rule in redirecting.RULES}
    write_article(tmp_path, "en", "vpn", aliases="[both]", body="[a](old.md)")
    write_article(tmp_path, "en", "soon", status="draft")
    write_redirects(tmp_path, "old: vpn\nvpn: old\na: a\nb: c\nd: soon\nboth: vpn\nE: f\nold: g\n")

    problems = list(redirecting.of_folder(tmp_path, collected(tmp_path)))

    assert {item.code for item in problems} == rules.keys() - {"bad-redirects", "too-many-redirects", "lost-address"}
    assert all(rules[item.code] is item.severity for item in problems)
