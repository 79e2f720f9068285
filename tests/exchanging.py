"""Folders from elsewhere and exported sites, as tests make and read them."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

from portal import library
from portal.articles import Article
from portal.writing.importing import Report, Rules, import_folder
from portal.writing.importing.mapping import parse_mapping
from tests.needs import REPOSITORY, corpus

#: What `foreign_folder` writes, as the portal's keys.
MAPPING = """
keys:
  title: heading
  topic: section
  tags: labels
  updated: date
  summary: abstract
  keywords: words
  license: rights
  origin: from
  source: made_from
  significance: significance
language: {from: suffix}
drop: [weight]
origin: none
boxes: keep
"""
#: A mapping that suits most folders of the tests, and the front matter that it suits.
SIMPLE = """
keys: {title: title, topic: [category, "@folder"], updated: [date, "@date"], tags: tags, summary: description}
language: {from: [key, suffix, folder], default: en}
slug: {from: [key, file]}
family: translation_key
origin: none
"""
FRONT = "---\ntitle: A title\ncategory: mail\ndate: 2024-05-01\n---\n"
PNG = b"\x89PNG\r\n\x1a\n and so on"
_ADDRESSES = {"a": "href", "link": "href", "img": "src", "script": "src", "form": "action"}


def sample_folder(target: Path, step: int = 40) -> Path:
    """Every so manieth family of the real articles where they are at hand, else the shipped articles."""
    real = corpus()
    if real is None:
        return REPOSITORY / "articles"
    slugs = sorted({path.stem for path in real.glob("*/*.md")})[::step]
    for code in ("en", "fr", "de", "ru"):
        (target / code).mkdir(parents=True)
        for slug in slugs:
            if (real / code / f"{slug}.md").is_file():
                shutil.copyfile(real / code / f"{slug}.md", target / code / f"{slug}.md")
    return target


def articles_of(root: Path) -> dict[tuple[str, str], Article]:
    """Every article of a folder by language and slug, without blanks at the ends of its body."""
    found = {}
    for code in ("en", "fr", "de", "ru"):
        for path in sorted((root / code).glob("*.md")):
            article = library.parse(path.read_bytes(), code, path.stem, path.name).article
            assert article is not None, path
            found[code, path.stem] = article
    return found


def foreign_rules() -> Rules:
    """How what `foreign_folder` writes becomes ours."""
    return parse_mapping(MAPPING)


def foreign_folder(articles: dict[tuple[str, str], Article], target: Path) -> Path:
    """The same articles as another generator has them: TOML, other keys, folders, the language in the file's name."""
    for (language, slug), article in articles.items():
        texts: dict[str, object] = {"heading": article.title, "section": article.topic, "labels": list(article.tags)}
        texts |= {"words": list(article.keywords), "abstract": article.summary, "rights": article.license}
        texts |= {"from": article.origin, "made_from": article.source, "significance": article.significance}
        front = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in texts.items() if value]
        front += [f"date = {article.updated.isoformat()}", "weight = 3"]
        path = target / "content" / article.topic / slug[0] / f"{slug}.{language}.markdown"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(("+++", *front, "+++", "", f"# {article.title}", "", article.body, ""))
        path.write_bytes(text.replace("\n", "\r\n").encode())
    return target


class Page(HTMLParser):
    """What a page says, and where it leads."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.addresses: list[str] = []
        self.ids: set[str] = set()
        self.headings = self.images = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self.images += tag == "img"
        self.headings += tag in {"h2", "h3", "h4", "h5", "h6"}
        if tag == "meta" and given.get("http-equiv") == "refresh":
            self.addresses.append((given["content"] or "").split("url=")[1])
        if (address := given.get(_ADDRESSES.get(tag, ""))) is not None:
            self.addresses.append(address)

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    @property
    def outside(self) -> list[str]:
        """Addresses with a scheme."""
        return [address for address in self.addresses if urlsplit(address).scheme]


def prose_of(page: str) -> str:
    """The article's own part of a page."""
    return page.split('<div class="prose">\n', 1)[1].split("\n  </div>\n", 1)[0]


def dead_links(site: Path) -> list[str]:
    """Every address of every page that leads to no file, or to no place in it."""
    pages = {path.relative_to(site).as_posix(): Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    faults = []
    for name, page in pages.items():
        for address in page.addresses:
            parts = urlsplit(address)
            if parts.scheme in {"http", "https", "mailto", "tel"}:
                continue
            target = normpath(join(dirname(name), unquote(parts.path))) if parts.path else name
            is_within = not (parts.scheme or parts.netloc or address.startswith("/")) and target in files
            if not is_within or (parts.fragment and unquote(parts.fragment) not in pages[target].ids):
                faults.append(f"{name}: {address}")
    return faults


def put(folder: Path, path: str, text: str | bytes) -> None:
    """Write a file."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(text if isinstance(text, bytes) else text.encode())


def taken(folder: Path, rules: str | Rules = SIMPLE, **options: object) -> Report:
    """Import into the folder `ours` beside."""
    made = parse_mapping(rules) if isinstance(rules, str) else rules
    return import_folder(folder, folder.parent / "ours", made, "en", **options)  # type: ignore[arg-type]


def article(folder: Path, language: str, slug: str) -> Article:
    """An article that was imported."""
    path = folder.parent / "ours" / language / f"{slug}.md"
    found = library.parse(path.read_bytes(), language, slug, slug).article
    assert found is not None
    return found
