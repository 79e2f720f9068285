"""Mends in the files what needs no decision: signs of typography, and what an editor has left behind."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from portal import library, markup
from portal.articles import Article, fingerprint, is_slug
from portal.locales import CODES
from portal.outline import read_outline
from portal.problems import Fix, Problem, Severity
from portal.rules import Rule
from portal.writing.checking.texts import Text
from portal.writing.files.rewriting import CannotRewrite, rewrite
from portal.writing.files.together import ChangedMeanwhile, Write, carry_out
from portal.writing.rules import structure, tone

RULES = (
    Rule(
        "windows-line-ends",
        Severity.WARNING,
        "lines end with a carriage return",
        "Comparing two versions shows every line as changed as soon as somebody's editor saves it otherwise.",
        "Save the file with Unix line ends, or let `--fix` do it.",
        is_fixable=True,
    ),
    Rule(
        "no-final-newline",
        Severity.WARNING,
        "the last line does not end",
        "The next change shows the line as changed although it is not.",
        "End it, or let `--fix` do it.",
        is_fixable=True,
    ),
    Rule(
        "decomposed-letters",
        Severity.WARNING,
        "letters with accents are written as two signs",
        "The file looks right, but looking for a word in it finds nothing.",
        "Save the file in composed Unicode (NFC), or let `--fix` do it.",
        is_fixable=True,
    ),
)

#: Rules whose mending is found again in the file itself, so that what was written since the check is not spoilt.
_OWN = frozenset(rule.code for rule in (*tone.RULES, *structure.RULES))
_MECHANICAL = frozenset({"byte-order-mark", *(rule.code for rule in RULES)})
_PATH = re.compile(rf"({'|'.join(CODES)})/([^/]+)\.md")
_END = re.compile(r"(\r\n|\r|\n)")
#: Mending may uncover something else to be mended; it does not go on for ever.
_ROUNDS = 5
#: Lines without mendings, tried in turn until nothing but typography changes: none; headings, whose words may be their
#: anchors; those with marks, whose meaning may hang on a blank; all of them.
_LEFT_OUT = (re.compile(r"(?!)"), re.compile(r"[ >]*#"), re.compile(r"[ >]*#|.*[*_<\[]"), None)
#: The elements of a page, without what is in them.
_ELEMENT = re.compile(r"</?[a-z][a-z0-9]*")
#: The tags around what is shown, or read by the browser, sign by sign.
_VERBATIM = re.compile(r"(</?(?:pre|code|kbd|samp|script|style)\b[^<>]*>)")


def of_bytes(raw: bytes, path: str) -> Iterator[Problem]:
    """What reading a file forgives: one problem for each kind, at the first line that has it.

    Args:
        raw: the whole file.
        path: named in problems.
    """
    if (place := raw.find(b"\r")) >= 0:
        message = "Lines end with a carriage return; save the file with Unix line ends."
        yield Problem(path, raw.count(b"\n", 0, place) + 1, "windows-line-ends", message, Severity.WARNING)
    if not raw.endswith((b"\n", b"\r")):
        last = len(_END.findall(raw.decode("utf-8", "replace"))) + 1
        yield Problem(path, last, "no-final-newline", "The last line of the file does not end.", Severity.WARNING)
    if raw.isascii():
        return
    text = raw.decode("utf-8", "replace")
    if not unicodedata.is_normalized("NFC", text):
        lines: list[str] = _END.split(text)[::2]
        for number, line in enumerate(lines, 1):
            if not unicodedata.is_normalized("NFC", line):
                message = "Letters with accents are written as two signs; save the file in composed Unicode (NFC)."
                yield Problem(path, number, "decomposed-letters", message, Severity.WARNING)
                return


def apply(root: Path, problems: Iterable[Problem]) -> list[str]:
    """Mend the files that problems with a mending were found in.

    A file is written whole or not at all, and only if code, addresses, anchors and all other keys of the front
    matter stay as they are. Translations that were made from the text as it was are told the fingerprint of the
    text as it is: nothing is to be translated again for a quotation mark.

    Args:
        root: folder of the articles.
        problems: as the check has found them; those that nothing mends are passed over.

    Returns:
        Paths of the changed files, in order, relative to the folder. A family whose files cannot be written, or are
        being written by somebody else, is left as it is.

    Raises:
        HalfDone: the disk failed twice; the message says where the old contents are.
    """
    found: dict[str, dict[str, list[Problem]]] = {}
    for problem in problems:
        match = _PATH.fullmatch(problem.path)
        if match and is_slug(match[2]) and (problem.fix or problem.code in _OWN | _MECHANICAL):
            found.setdefault(match[2], {}).setdefault(match[1], []).append(problem)
    changed = []
    for slug, by_language in sorted(found.items()):
        before = _read_family(root, slug)
        after = _mended_family(before, slug, by_language)
        steps = [Write(before[code][0], raw) for code, raw in after.items() if raw != before[code][1]]
        with suppress(OSError, ChangedMeanwhile):
            carry_out(steps, dict(before.values()))
            changed += [f"{code}/{slug}.md" for code, raw in after.items() if raw != before[code][1]]
    return sorted(changed)


def _read_family(root: Path, slug: str) -> dict[str, tuple[Path, bytes]]:
    """Place and contents of a family's files by language; a symbolic link counts as what it leads to."""
    found = {}
    for code in CODES:
        with suppress(OSError):
            path = (root / code / f"{slug}.md").resolve()
            if path.is_relative_to(root.resolve()):
                found[code] = path, path.read_bytes()
    return found


def _mended_family(
    before: Mapping[str, tuple[Path, bytes]], slug: str, found: Mapping[str, list[Problem]]
) -> dict[str, bytes]:
    """The mended files of a family by language; translations name the text that they were made from as it is now."""
    after = {code: mend(raw, code, slug, found.get(code, ())) for code, (_, raw) in before.items()}
    moved = {}
    for code, raw in after.items():
        if raw != before[code][1]:
            old, new = _article(before[code][1], code, slug), _article(raw, code, slug)
            if old and new:
                moved[fingerprint(old)] = fingerprint(new)
    for code, raw in after.items() if moved else ():
        article = _article(raw, code, slug)
        if article and article.source in moved and moved[article.source] != article.source:
            with suppress(CannotRewrite):
                after[code] = rewrite(raw, {"source": moved[article.source]})
    return after


def mend(raw: bytes, language: str, slug: str, problems: Iterable[Problem]) -> bytes:
    """A file with everything mended that a problem names and that needs no decision.

    Args:
        raw: the whole file.
        language: folder that it stands in.
        slug: its stem.
        problems: of this file.
    """
    problems = tuple(problems)
    codes = frozenset(problem.code for problem in problems)
    others = tuple(problem.fix for problem in problems if problem.fix and problem.code not in _OWN)
    before = _article(raw, language, slug)
    if before is None or not problems:
        return raw
    for left_out in _LEFT_OUT:
        result = _mechanics(raw, codes)
        if left_out is not None:
            result = _mended_lines(result, language, slug, codes, others, left_out)
            result = _mended_front_matter(result, language, slug, codes)
        after = _article(result, language, slug)
        if after is not None and _is_same(before, after):
            return result
    return raw


def _article(raw: bytes, language: str, slug: str) -> Article | None:
    """The article of a file; None where it has errors."""
    return library.parse(raw, language, slug, f"{language}/{slug}.md").article


def _is_same(before: Article, after: Article) -> bool:
    """Whether two texts differ by their typography only."""
    if replace(before, title="", summary="", body="") != replace(after, title="", summary="", body=""):
        return False
    if before.body == after.body:
        return True
    old, new = read_outline(before.body, 1), read_outline(after.body, 1)
    return (
        [(block.language, block.digest) for block in old.code_blocks]
        == [(block.language, block.digest) for block in new.code_blocks]
        and [(link.target, link.is_image) for link in old.links] == [(link.target, link.is_image) for link in new.links]
        and [(heading.level, heading.anchor) for heading in old.headings]
        == [(heading.level, heading.anchor) for heading in new.headings]
        and _elements(before) == _elements(after)
    )


def _elements(article: Article) -> tuple[list[str], list[str]]:
    """What the page of a text is made of, as a blank can decide what is a list and what is bold; and the code on it."""
    html = markup.render(article.body, article.language).html
    code, depth = [], 0
    for piece in _VERBATIM.split(html):
        if _VERBATIM.fullmatch(piece):
            depth += -1 if piece.startswith("</") else 1
        elif depth:
            code.append(piece)
    return _ELEMENT.findall(html), code


def _mechanics(raw: bytes, codes: frozenset[str]) -> bytes:
    """A file without what an editor has left behind."""
    if not codes & _MECHANICAL:
        return raw
    text = raw.decode()
    if "byte-order-mark" in codes:
        text = text.removeprefix("\ufeff")
    if "windows-line-ends" in codes:
        text = _END.sub("\n", text)
    if "decomposed-letters" in codes:
        text = unicodedata.normalize("NFC", text)
    if "no-final-newline" in codes and not text.endswith(("\n", "\r")):
        end = _END.search(text)
        text += end[0] if end else "\n"
    return text.encode()


def _mended_lines(
    raw: bytes, language: str, slug: str, codes: frozenset[str], others: tuple[Fix, ...], left_out: re.Pattern[str]
) -> bytes:
    """A file with the mendings of its lines, as often as they uncover others."""
    for turn in range(_ROUNDS):
        path = f"{language}/{slug}.md"
        reading = library.parse(raw, language, slug, path)
        if reading.article is None:
            break
        outline = read_outline(reading.article.body, reading.body_line)
        text = Text(reading.article, path, reading.body_line, dict(reading.lines), outline)
        own = (*tone.of_text(text), *structure.of_text(text))
        fixes = {problem.fix for problem in own if problem.fix and problem.code in codes}
        if turn == 0:
            fixes |= set(others)
        mended = _with_fixes(raw, fixes, left_out)
        if mended == raw:
            break
        raw = mended
    return raw


def _with_fixes(raw: bytes, fixes: Iterable[Fix], left_out: re.Pattern[str]) -> bytes:
    """A file with some mendings; of two that touch the same sign, the first in the line is done."""
    by_line: dict[int, list[tuple[int, int, str]]] = {}
    for fix in fixes:
        by_line.setdefault(fix.line, []).append((fix.column - 1, fix.length, fix.text))
    parts: list[str] = _END.split(raw.decode())
    for number, found in by_line.items():
        if not 0 < number <= len(parts) // 2 + 1:
            continue
        line = unicodedata.normalize("NFC", parts[2 * number - 2])
        if left_out.match(line):
            continue
        pieces, done, last = [], 0, -1
        for start, length, new in sorted(edit for fix in found for edit in _edits(line, *fix)):
            if last < start and start >= done and start + length <= len(line):
                pieces += [line[done:start], new]
                done, last = start + length, start
        parts[2 * number - 2] = "".join([*pieces, line[done:]])
    return "".join(parts).encode()


def _edits(line: str, start: int, length: int, new: str) -> Iterator[tuple[int, int, str]]:
    """A mending as what it changes: of new marks around old words the marks only, so that the words can change too."""
    inner = line[start + 1 : start + length - 1]
    place = new.find(inner) if len(inner) > 1 else -1
    if place < 0:
        yield start, length, new
    else:
        yield start, 1, new[:place]
        yield start + length - 1, 1, new[place + len(inner) :]


def _mended_front_matter(raw: bytes, language: str, slug: str, codes: frozenset[str]) -> bytes:
    """A file with the typography of its title and summary mended."""
    article = _article(raw, language, slug)
    if article is None:
        return raw
    texts = {"title": article.title, "summary": article.summary}
    changes = {}
    for key, value in texts.items():
        mended = tone.corrected(value, language, codes)
        if mended != value:
            changes[key] = mended
    if not changes:
        return raw
    try:
        return rewrite(raw, changes)
    except CannotRewrite:
        return raw
