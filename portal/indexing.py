"""One language's part of a publication: its files read, rendered and indexed, on all cores where there are many."""

from dataclasses import dataclass, replace
from pathlib import Path

from portal import articles, library, markup
from portal.parallel import Progress, Step, work
from portal.problems import Problem
from portal.search import Document, postgres, whoosh_index
from portal.storage import published

#: From this many changed files on, every processor core takes part.
PARALLEL_FROM = 200


@dataclass(frozen=True)
class Job:
    """One language's part of a publication."""

    language: str
    root: Path
    target: Path
    files: tuple[library.SourceFile, ...]
    removed: tuple[str, ...]
    #: Topics for writers alone.
    internal: frozenset[str]
    #: Address of the database that the index is written into; empty for the embedded engine.
    search: str = ""


def run(jobs: list[Job], progress: Progress) -> list[published.Row]:
    """Do the jobs, on all cores where there is much to do."""
    files = sum(len(job.files) for job in jobs)
    ordered = sorted(jobs, key=lambda job: -len(job.files))
    done = work(_language, ordered, 2 * files, progress, is_large=files >= PARALLEL_FROM)
    return [row for rows in done for row in rows]


def _language(job: Job, step: Step) -> list[published.Row]:
    """Read, render and index one language's files."""
    rows: list[published.Row] = []
    documents: list[Document] = []
    for file in job.files:
        row, found = _file(job, file)
        rows.append(row)
        documents += [found] if found else []
        step(1)
    if job.search:
        postgres.write(job.search, job.target, job.language, documents, job.removed, step)
    else:
        whoosh_index.write(job.target, job.language, documents, job.removed, step)
    step(len(job.files) - len(documents))
    return rows


def _file(job: Job, file: library.SourceFile) -> tuple[published.Row, Document | None]:
    """One file as it is stored, and what search is told of it where readers see it."""
    reading = library.read(file, job.root)
    row = published.Row(file.language, file.slug, file.signature, problems=reading.problems)
    if (article := reading.article) is None:
        return row, None
    try:
        is_public = article.status is articles.Status.PUBLISHED and article.topic not in job.internal
        rendered = markup.render(article.body, file.language) if is_public else None
    except RecursionError:  # One text must not keep all others from being published.
        deep = Problem(f"{file.language}/{file.slug}.md", 0, "too-many-signs", "It is nested too deeply to be shown.")
        return replace(row, problems=(*reading.problems, deep)), None
    fingerprint = articles.fingerprint(article)
    row = replace(row, article=replace(article, body=""), is_public=is_public, fingerprint=fingerprint)
    if rendered is None:
        return row, None
    sections = tuple((part.anchor, part.heading, part.text, part.level) for part in rendered.sections)
    return replace(row, html=rendered.html, sections=sections), document(article, rendered)


def document(article: articles.Article, rendered: markup.Rendered) -> Document:
    """What the search engine is told about an article."""
    return Document(
        article.slug,
        article.title,
        article.topic,
        article.summary,
        rendered.headings,
        (*article.keywords, *article.tags),
        rendered.text,
    )
