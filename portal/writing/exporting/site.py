"""The articles as a website that needs no server: pages, search, images, and pages that lead on from earlier slugs."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.sax.saxutils import escape

import portal
from portal import library, markup
from portal.articles import Article
from portal.indexing import PARALLEL_FROM, document
from portal.parallel import Progress, Step, work
from portal.writing.exporting import addresses, pages, search_data
from portal.writing.exporting.selection import Selection


@dataclass(frozen=True)
class _Job:
    """One language's part of a site."""

    language: str
    target: Path
    chosen: Selection
    site_name: str
    base_url: str


def write_site(chosen: Selection, target: Path, site_name: str, base_url: str, progress: Progress) -> None:
    """Write the site.

    Args:
        chosen: what is exported.
        target: an empty folder.
        site_name: empty is “Help centre” in the reader's language.
        base_url: where the site will be, without a slash at its end; empty where that is not known.
        progress: told of every step.

    Raises:
        OSError: it cannot be written.
    """
    (target / "site.css").write_text(pages.style(), encoding="utf-8")
    for script in ("search.js", "results.js"):
        shutil.copyfile(Path(__file__).parent / script, target / script)
    shutil.copyfile(Path(portal.__file__).parent / "static" / "favicon.svg", target / "favicon.svg")
    start = pages.start(chosen.languages, chosen.default_language, site_name)
    (target / "index.html").write_text(start, encoding="utf-8")
    copy_images(chosen, chosen.images, target)
    jobs = [_Job(code, target, chosen, site_name, base_url) for code in chosen.languages]
    files = len(chosen.files)
    for _ in work(_language, jobs, 2 * files, progress, is_large=files >= PARALLEL_FROM):
        pass
    if base_url:
        paths = sorted(path.relative_to(target).as_posix() for path in target.rglob("*.html"))
        listed = "".join(
            f"<url><loc>{escape(f'{base_url}/{path}')}</loc></url>\n" for path in paths if _is_listed(path)
        )
        (target / "sitemap.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
            f"{listed}</urlset>\n",
            encoding="utf-8",
        )


def copy_images(chosen: Selection, names: frozenset[str], target: Path) -> None:
    """Copy images into `images/`."""
    for name in sorted(names):
        (target / "images").mkdir(exist_ok=True)
        shutil.copyfile(chosen.root / "images" / name, target / "images" / name)


def _language(job: _Job, step: Step) -> None:
    """Write one language's pages and search."""
    knowledge, language = job.chosen.knowledge, job.language
    (job.target / language / "search").mkdir(parents=True)
    (job.target / language / "topics").mkdir()
    rendered: dict[str, markup.Rendered] = {}
    entries: list[search_data.Entry] = []
    for code, slug in sorted(job.chosen.files):
        if code == language:
            article, rendered[slug] = _rendered(job.chosen, language, slug)
            entries.append(search_data.Entry(article, rendered[slug].sections, document(article, rendered[slug])))
            step(1)
    made = pages.Pages(language, job.chosen.languages, knowledge, job.site_name, job.base_url)
    write = partial(_write, job.target)
    known: dict[tuple[str, str], frozenset[str]] = {}

    def anchors_of(code: str, slug: str) -> frozenset[str]:
        if (code, slug) not in known:
            found = rendered[slug] if code == language else _rendered(job.chosen, code, slug)[1]
            known[code, slug] = addresses.anchors(found.html)
        return known[code, slug]

    links = addresses.Links(knowledge.families, job.chosen.moved, job.chosen.images, anchors_of)
    for slug, text in rendered.items():
        sections = [(part.anchor, part.heading, part.level) for part in text.sections]
        page = made.article(knowledge.articles[language, slug], links.settled(text.html, language, slug), sections)
        write(addresses.article_path(language, slug), page)
        step(1)
    write(addresses.home_path(language), made.home())
    shelves = knowledge.shelves(language)
    for shelf in shelves:
        for number in range(1, pages.pages_of(shelf) + 1):
            write(addresses.topic_path(language, shelf.topic.slug, number), made.topic(shelf, number))
    topics = [shelf.topic for shelf in shelves]
    write(addresses.search_path(language), made.search(topics))
    _lead_on(job, made, write)
    names = {topic.slug: topic.name(language) for topic in topics}
    search_data.write(job.target / language / "search", language, entries, names, job.chosen.root)


def _rendered(chosen: Selection, language: str, slug: str) -> tuple[Article, markup.Rendered]:
    """An article with its HTML.

    Raises:
        OSError: its file has changed since it was chosen, and is no article any more.
    """
    article = library.read(chosen.files[language, slug], chosen.root).article
    if article is None:
        raise OSError(f"{language}/{slug}.md was changed during the export")
    return article, markup.render(article.body, language)


def _lead_on(job: _Job, made: pages.Pages, write: Callable[[str, str], None]) -> None:
    """Write a page for every earlier slug of an article that the language has."""
    for old, slug in job.chosen.moved.items():
        if item := job.chosen.articles.get((job.language, slug)):
            path = addresses.article_path(job.language, old)
            write(path, made.moved(path, addresses.article_path(job.language, slug), item.article.title))


def _write(target: Path, path: str, page: str) -> None:
    """Write a page."""
    file = target / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(page, encoding="utf-8")


def _is_listed(path: str) -> bool:
    """Whether search engines should know a page."""
    return "/search/" not in path and path != "index.html"
