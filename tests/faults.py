"""Forty faults of forty kinds, brought into a copy of real articles: is each found at its place, and nothing else?

`python -m tests.faults FOLDER` does it with all articles of a folder, and says what was found and how long it took.
"""

import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from portal import library
from portal.articles import Article, fingerprint
from portal.locales import CODES
from portal.writing.checking.check import check_articles
from portal.writing.checking.gathering import check_text, text_of
from portal.writing.files.rewriting import rewrite

TODAY = date(2026, 3, 2)
#: Path, line, column and code of a problem.
Place = tuple[str, int, int, str]

#: What is added to the articles that get a fault: not all real ones have sections with anchors, images and tables.
SECTIONS = {
    "en": (
        "## More about this {#more}\n\nSee [what comes next](fault-00.md#more) and this picture:\n\n"
        "![The window with two buttons](images/window.png)\n\n### All keys {#keys}\n\n"
        "| Key | Meaning |\n|---|---|\n| F1 | Help |\n\n```sh\nrestart --now\n```\n"
    ),
    "fr": (
        "## En savoir plus {#more}\n\nLisez [la suite](fault-00.md#more) et regardez cette fenêtre\u00a0:\n\n"
        "![La fenêtre avec deux boutons](images/window.png)\n\n### Toutes les touches {#keys}\n\n"
        "| Touche | Fonction |\n|---|---|\n| F1 | Aide |\n\n```sh\nrestart --now\n```\n"
    ),
    "de": (
        "## Mehr darüber {#more}\n\nLesen Sie [die Fortsetzung](fault-00.md#more) und sehen Sie dieses Bild an:\n\n"
        "![Das Fenster mit zwei Schaltflächen](images/window.png)\n\n### Alle Tasten {#keys}\n\n"
        "| Taste | Bedeutung |\n|---|---|\n| F1 | Hilfe |\n\n```sh\nrestart --now\n```\n"
    ),
    "ru": (
        "## Подробнее об этом {#more}\n\nПрочитайте [продолжение](fault-00.md#more) и посмотрите на рисунок:\n\n"
        "![Окно с двумя кнопками](images/window.png)\n\n### Все клавиши {#keys}\n\n"
        "| Клавиша | Значение |\n|---|---|\n| F1 | Справка |\n\n```sh\nrestart --now\n```\n"
    ),
}
TABLE, CODE = "| Key | Meaning |", "```sh\nrestart --now\n```\n"
NEXT, IMAGE = "[what comes next](fault-00.md#more)", "![The window with two buttons](images/window.png)"
LEFT_OVER = "Open the settings and select the account that you want to remove from this computer."

#: In the front matter of an article in English only, or of a translation: language, key, value (None: without it), code
#: of the problem, its line where it is not the key's.
FRONT: tuple[tuple[str, str, str | None, str, int | None], ...] = (
    ("en", "title", f'"{"One two three four five " * 3}"', "long-title", None),
    ("en", "summary", '"{title}."', "summary-repeats-title", None),
    ("en", "keywords", "[print, scan, Print]", "keyword-stuffing", None),
    ("en", "aliases", "[fault-00]", "alias-in-use", None),
    ("en", "sumary", "The key is misspelt", "unknown-key", None),
    ("en", "updated", "2026-02-30", "invalid-value", None),
    ("en", "topic", None, "missing-topic", 1),
    ("en", "summary", "A colon: and another", "bad-yaml", None),
    ("fr", "review_by", "2026-03-01", "review-overdue", None),
    ("de", "title", '"{other}"', "duplicate-title", None),
    ("ru", "source", '"0123456789abcdef"', "stale-translation", None),
)
#: In the text: language, what is replaced, by what, code of the problem, and where it is: in the new text, or else in
#: the whole; None and ^ mean the line.
TEXT: tuple[tuple[str, str, str, str, str | None], ...] = (
    ("en", TABLE, f"<!-- placeholder -->\n\n{TABLE}", "draft-placeholder", None),
    ("en", CODE, f"{CODE}\n# At the end {{#end}}\n\nText.\n", "first-level-heading", "#"),
    ("en", "### All keys", "##### All keys", "heading-skips-level", "#"),
    ("en", "### All keys", "### Later {#later}\n\n### All keys", "empty-section", "### Later"),
    ("en", "### All keys {#keys}", "### All keys {#more}", "duplicate-anchor", "#"),
    ("en", TABLE, "|  |  |", "table-without-header", None),
    ("en", TABLE, f"!!! caution\n    Hot.\n\n{TABLE}", "unknown-box", "caution"),
    ("en", NEXT, "[what comes next](fault-xx.md)", "dead-link", "["),
    ("en", NEXT, "[what comes next](fault-00.md#nowhere)", "dead-anchor", "["),
    ("en", NEXT, "[here](fault-00.md#more)", "vague-link", "["),
    ("en", IMAGE, "![](images/window.png)", "missing-alt", "!"),
    ("en", IMAGE, "![The window with two buttons](images/windows.png)", "missing-image", "!"),
    ("en", TABLE, f"<<<<<<< HEAD\nOne.\n\n{TABLE}", "conflict-mark", "<"),
    ("fr", "Lisez [la suite]", "Si tu veux, lisez [la suite]", "informal-address", "tu"),
    ("fr", "cette fenêtre\u00a0:", "cette fenêtre :", "missing-nbsp", ":"),
    ("de", "sehen Sie dieses Bild", 'sehen Sie das "Bild"', "straight-quotes", '"'),
    ("ru", " и посмотрите на рисунок", " - и посмотрите на рисунок", "hyphen-as-dash", " -"),
    ("ru", "### Все клавиши", f"{LEFT_OVER}\n\n### Все клавиши", "untranslated", LEFT_OVER),
    ("fr", "### Toutes les touches {#keys}", "### Toutes les touches {#touches}", "changed-anchor", "#"),
    ("ru", CODE, "", "missing-code-block", "^### Все"),
    ("de", SECTIONS["de"][SECTIONS["de"].index("###") :], "", "missing-section", "^## Mehr"),
)
#: Errors of these rules leave the article out, and with it what was said of it before.
UNREAD = {"unknown-key", "invalid-value", "missing-topic", "bad-yaml", "draft-placeholder", "wrong-encoding"}


@dataclass
class Workshop:
    """A copy of real articles, with families in it that have no problem."""

    root: Path
    #: Slugs of families in four languages, and of articles in English only.
    families: list[str]
    singles: list[str]
    #: What the check must find, and what it must no longer find.
    expected: list[Place] = field(default_factory=list)
    gone: list[Place] = field(default_factory=list)

    def host(self, language: str) -> Path:
        """A file for the next fault: in English one without translations, which would be stale."""
        slug = (self.singles if language == "en" else self.families).pop()
        return self.root / language / f"{slug}.md"

    def expect(self, path: Path, line: int, column: int, code: str) -> None:
        """Something that must be found."""
        shown = path.relative_to(self.root).as_posix()
        self.expected.append((shown, line, column, code))
        if code in UNREAD:
            self.gone.append((shown, 0, 0, "missing-translation"))


def introduce(shop: Workshop) -> None:
    """Bring the forty faults in."""
    for language, key, value, code, line in FRONT:
        _in_front(shop, shop.host(language), key, value, code, line)
    for language, old, new, code, mark in TEXT:
        _in_text(shop, shop.host(language), old, new, code, mark)
    _in_bytes(shop)
    _beside(shop)


def _in_front(shop: Workshop, path: Path, key: str, value: str | None, code: str, line: int | None) -> None:
    """Give a key another value, or add it as the last."""
    article, other = _article(path), _article(shop.root / path.parent.name / "fault-00.md")
    lines = path.read_text("utf-8").split("\n")
    end = lines.index("---", 1)
    place = next((number for number in range(1, end) if lines[number].startswith(f"{key}:")), end)
    new = [] if value is None else [f"{key}: {value.format(title=article.title, other=other.title)}"]
    lines[place : place if place == end else place + 1] = new
    path.write_text("\n".join(lines), "utf-8")
    shop.expect(path, line or place + 1, 0, code)


def _in_text(shop: Workshop, path: Path, old: str, new: str, code: str, mark: str | None) -> None:
    """Replace a passage."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1, (path, old)
    place = text.index(old)
    text = text.replace(old, new)
    path.write_text(text, "utf-8")
    if mark:
        place = place + new.index(mark) if mark in new else text.index(mark.removeprefix("^"))
    column = place - text.rfind("\n", 0, place) if mark and mark[0] != "^" else 0
    shop.expect(path, text.count("\n", 0, place) + 1, column, code)


def _in_bytes(shop: Workshop) -> None:
    """What an editor should not have written."""
    path = shop.host("en")
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"two buttons", b"two b\xfcttons"))
    shop.expect(path, raw[: raw.index(b"two buttons")].count(b"\n") + 1, 0, "wrong-encoding")
    path = shop.host("fr")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    shop.expect(path, 1, 0, "byte-order-mark")
    path = shop.host("fr")
    text = path.read_text("utf-8").replace("La fenêtre", "La fene\u0302tre")
    path.write_text(text, "utf-8")
    shop.expect(path, text[: text.index("La fene")].count("\n") + 1, 0, "decomposed-letters")


def _beside(shop: Workshop) -> None:
    """Other files, and one that is not there."""
    for name, added, code in (
        ("topics.yml", "fault-topic: {name: {en: A, fr: B, de: C}}\n", "topic-unnamed"),
        ("redirects.yml", "fault-a: fault-a\n", "redirect-loop"),
        ("en/synonyms.txt", "lonely\n", "lonely-term"),
        ("glossary.yml", "fault-word:\n  en: [fault word]\n  fr: [mot fautif]\n  es: [palabra]\n", "unknown-language"),
    ):
        path = shop.root / name
        text = path.read_text("utf-8") if path.exists() else ""
        path.write_text(text + added, "utf-8")
        shop.expect(path, text.count("\n") + added.count("\n"), 0, code)
    path = shop.host("ru")
    path.unlink()
    shop.expect(shop.root / "en" / path.name, 0, 0, "missing-translation")


def _article(path: Path) -> Article:
    """The article of a file."""
    article = library.parse(path.read_bytes(), path.parent.name, path.stem, path.name).article
    assert article is not None, path
    return article


def prepare(source: Path, target: Path, sample: int | None) -> Workshop:
    """Copy articles, and make families of them that nothing is wrong with.

    Args:
        source: folder of articles.
        target: folder that does not exist.
        sample: families that are copied; None for all.
    """
    families: dict[str, dict[str, Path]] = {}
    for file in library.scan(source).files:
        families.setdefault(file.slug, {})[file.language] = file.path
    # Not in the order of the alphabet, where articles on the same subject stand together.
    order = sorted(families, key=lambda slug: hashlib.sha256(slug.encode()).digest())
    if sample is None:
        shutil.copytree(source, target)
    else:
        shutil.copytree(source, target, ignore=lambda _, names: [name for name in names if name.endswith(".md")])
        for slug in order[:sample]:
            for code, path in families[slug].items():
                shutil.copy(path, target / code / path.name)
    _make_writable(target)
    (target / "images").mkdir(exist_ok=True)
    (target / "images" / "window.png").write_bytes(b"picture")
    in_four = sum(language != "en" for language, *_ in (*FRONT, *TEXT)) + 4
    in_one = len(FRONT) + len(TEXT) + 5 - in_four
    good = _good_families(families, order, in_four + in_one + 20)
    made = []
    for number, slug in enumerate(good):
        made.append(f"fault-{number:02}")
        _copy_family(families[slug], target, made[-1], number)
    _write_topics(target)
    bad = {Path(place[0]).stem for place in found(target)} & set(made)
    made = [slug for slug in made if slug not in bad or slug == "fault-00"]
    for slug in made[in_four + in_one :] + sorted(bad):
        for code in CODES:
            (target / code / f"{slug}.md").unlink()
    singles = made[in_four : in_four + in_one]
    for slug in singles:
        for code in CODES[1:]:
            (target / code / f"{slug}.md").unlink()
    return Workshop(target, made[1:in_four][::-1], singles[::-1])


def _make_writable(folder: Path) -> None:
    """The source may be for reading only."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _good_families(families: dict[str, dict[str, Path]], order: list[str], wanted: int) -> list[str]:
    """Families in four languages whose texts have no problem by themselves."""

    def good() -> Iterator[str]:
        for slug in order:
            if set(families[slug]) == set(CODES) and all(_is_good(path) for path in families[slug].values()):
                yield slug

    return [slug for slug, _ in zip(good(), range(wanted), strict=False)]


def _is_good(path: Path) -> bool:
    """Whether nothing is wrong with a text, and there is room for a number in its title."""
    reading = library.parse(path.read_bytes(), path.parent.name, path.stem, path.name)
    if reading.article is None or len(reading.article.title) > 64 or "{#more}" in reading.article.body:
        return False
    return next(check_text(text_of(reading.article, path.name, reading)), None) is None


def _copy_family(paths: dict[str, Path], target: Path, slug: str, number: int) -> None:
    """Copy a family under another slug, with the sections that faults are brought into, as fresh translations."""
    source = ""
    for code in CODES:
        path = target / code / f"{slug}.md"
        raw = paths[code].read_bytes().rstrip() + f"\n\n{SECTIONS[code]}".encode()
        path.write_bytes(rewrite(raw, {"title": f"{_article(paths[code]).title} ({number})", "aliases": None}))
        if code == "en":
            source = fingerprint(_article(path))
        else:
            path.write_bytes(rewrite(path.read_bytes(), {"source": source}))


def _write_topics(target: Path) -> None:
    """Name the topics that have no name."""
    path = target / "topics.yml"
    if not path.exists():
        topics = sorted({_article(file).topic for file in (target / "en").glob("*.md")})
        names = "".join(f"{topic}:\n  name: {{en: A, fr: B, de: C, ru: D}}\n" for topic in topics)
        path.write_text(names, "utf-8")


def found(root: Path) -> list[Place]:
    """The places of all problems."""
    return [(p.path, p.line, p.column, p.code) for p in check_articles(root, "en", TODAY)]


def difference(shop: Workshop) -> tuple[list[Place], list[Place]]:
    """What the check finds more, and what it finds no longer, after the faults have been brought in."""
    before = set(found(shop.root))
    introduce(shop)
    after = set(found(shop.root))
    return sorted(after - before), sorted(before - after)


def main(source: Path) -> int:
    """Report on a whole folder; 1 where something was missed or reported wrongly."""
    with tempfile.TemporaryDirectory() as folder:
        shop = prepare(source, Path(folder) / "articles", None)
        start = time.monotonic()
        new, gone = difference(shop)
        took = time.monotonic() - start
        missed, wrong = set(shop.expected) - set(new), set(new) - set(shop.expected)
        files = sum(1 for _ in shop.root.glob("??/*.md"))
        print(f"{files:,} articles checked twice in {took:.1f} s; {len(shop.expected)} faults brought in: ", end="")  # noqa: T201
        print(f"{len(shop.expected) - len(missed)} found, {len(missed)} missed, {len(wrong)} reported wrongly.")  # noqa: T201
        for what, places in (("missed", missed), ("wrong", wrong), ("gone", set(gone) ^ set(shop.gone))):
            for place in sorted(places):
                print(what, *place)  # noqa: T201
    return 1 if missed or wrong or set(gone) != set(shop.gone) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
