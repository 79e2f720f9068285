"""What is exported: the articles that readers may see, the images they show, and the slugs they once had."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from portal import library, redirects
from portal.articles import Article, Audience, Status, Topic, fingerprint
from portal.errors import CannotStart
from portal.knowledge import KnowledgeBase, Published
from portal.locales import CODES
from portal.old_slugs import flatten
from portal.problems import Problem, Severity
from portal.topics import read_topics
from portal.writing.exporting.drawings import fault

#: Kinds of image that articles may show.
IMAGE_TYPES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg"})
#: Largest image that is taken along, in bytes.
MAX_IMAGE = 16 * 1024 * 1024
_SHOWN = re.compile(r"images/([A-Za-z0-9][\w.-]*)")
_Key = tuple[str, str]


@dataclass(frozen=True)
class Wanted:
    """What somebody wants exported."""

    #: Codes; an article that exists in none of them is left out.
    languages: tuple[str, ...] = CODES
    #: Drafts as well.
    with_drafts: bool = False
    #: Articles of topics that are for writers as well.
    with_internal: bool = False
    #: Topics that were for writers when the portal published them; they stay so until `topics.yml` says otherwise.
    for_writers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Selection:
    """The articles that are exported, without their texts."""

    root: Path
    default_language: str
    #: Those in which there is an article, in the order of `locales.CODES`.
    languages: tuple[str, ...]
    files: Mapping[_Key, library.SourceFile]
    articles: Mapping[_Key, Published]
    #: Those that readers may know of, in their order.
    topics: tuple[Topic, ...]
    #: Names of the images that an exported article shows.
    images: frozenset[str]
    #: Those, and the names of the images that no article shows.
    all_images: frozenset[str]
    #: Slugs of earlier days and what they lead to.
    moved: Mapping[str, str]
    #: Errors of the files that could not be exported.
    problems: tuple[Problem, ...]

    @cached_property
    def knowledge(self) -> KnowledgeBase:
        """The same as pages ask for it."""
        return KnowledgeBase("", self.articles, self.topics, self.default_language)


def select(root: Path, default_language: str, wanted: Wanted) -> Selection:
    """Read the folder.

    Args:
        root: folder of the articles.
        default_language: the likeliest source of a family.
        wanted: what to take.

    Raises:
        CannotStart: the folder cannot be used, `topics.yml` does not say whom its topics are for, or there is nothing
            to export.
    """
    found = library.scan(root)
    topics, problems = read_topics(root)
    if faults := [problem for problem in problems if problem.severity is Severity.ERROR]:
        # Whom an article is for stands there, and nowhere else.
        raise CannotStart(f"{faults[0]} Nothing is exported until that is mended.")
    internal = {topic.slug for topic in topics if topic.audience is not Audience.EVERYBODY}
    internal |= wanted.for_writers - {topic.slug for topic in topics}
    picked = _Picked(faulty=[problem for problem in found.problems if problem.severity is Severity.ERROR])
    for file in found.files:
        _pick(file, root, internal, wanted, picked)
    articles = picked.articles
    if not articles:
        raise CannotStart(f"There is no article to export in {root}.")
    active = _active(root, images(root) - (picked.hidden - picked.shown))
    picked.faulty += [
        Problem(f"images/{name}", 0, "active-image", f"It is no drawing that only draws: it {reason}.")
        for name, reason in active.items()
    ]
    safe = images(root) - active.keys()
    used = {item.article.topic for item in articles.values()}
    return Selection(
        root,
        default_language,
        tuple(code for code in CODES if any(language == code for language, _ in articles)),
        picked.files,
        articles,
        tuple(topic for topic in topics if topic.slug in used),
        frozenset(picked.shown & safe),
        frozenset(safe - (picked.hidden - picked.shown)),
        _moved(root, articles),
        tuple(sorted(picked.faulty)),
    )


@dataclass
class _Picked:
    """What has been found so far."""

    files: dict[_Key, library.SourceFile] = field(default_factory=dict)
    articles: dict[_Key, Published] = field(default_factory=dict)
    #: Names of images that articles show that are exported, and that others show.
    shown: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    faulty: list[Problem] = field(default_factory=list)


def _pick(file: library.SourceFile, root: Path, internal: set[str], wanted: Wanted, picked: _Picked) -> None:
    """Take a file, or leave it out."""
    reading = library.read(file, root)
    article = reading.article
    if article is None:
        picked.faulty += [problem for problem in reading.problems if problem.severity is Severity.ERROR]
        # Nobody can tell whom it is for, so neither are its images taken along.
        picked.hidden.update(_SHOWN.findall(file.path.read_bytes().decode(errors="replace")))
    elif _is_taken(article, internal, wanted):
        picked.shown.update(_SHOWN.findall(article.body))
        picked.files[file.language, file.slug] = file
        picked.articles[file.language, file.slug] = Published(replace(article, body=""), fingerprint(article))
    else:
        picked.hidden.update(_SHOWN.findall(article.body))


def _is_taken(article: Article, internal: set[str], wanted: Wanted) -> bool:
    """Whether an article is exported."""
    if article.language not in wanted.languages:
        return False
    if article.status is Status.DRAFT and not wanted.with_drafts:
        return False
    return article.topic not in internal or wanted.with_internal


def images(root: Path) -> frozenset[str]:
    """The names of the images that articles may show; links out of the folder and other kinds of file are none."""
    folder = (root / "images").resolve()
    if not folder.is_dir() or not folder.is_relative_to(root.resolve()):
        return frozenset()
    return frozenset(
        path.name
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_TYPES
        and path.is_file()
        and path.resolve().is_relative_to(folder)
        and path.stat().st_size <= MAX_IMAGE
        and _SHOWN.fullmatch(f"images/{path.name}")
    )


def read_image(root: Path, name: str) -> bytes:
    """An image of the articles.

    Raises:
        OSError: it cannot be read.
    """
    return (root / "images" / name).read_bytes()


def _active(root: Path, names: frozenset[str]) -> dict[str, str]:
    """The drawings (SVG) that do more than draw, and what it is."""
    drawings = sorted(name for name in names if name.lower().endswith(".svg"))
    return {name: reason for name in drawings if (reason := fault(read_image(root, name)))}


def _moved(root: Path, articles: Mapping[_Key, Published]) -> dict[str, str]:
    """Where every earlier slug leads in the end, as `KnowledgeBase.aliases` has it, also where two claim one."""
    aliases = {alias: slug for (_, slug), item in sorted(articles.items()) for alias in item.article.aliases}
    moved, _faults = flatten(redirects.read_redirects(root)[0], aliases, {slug for _, slug in articles})
    return dict(sorted(moved.items()))


def languages_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Codes from a list such as “en,fr”.

    Raises:
        CannotStart: one is none of the portal's.
    """
    codes = [code.strip().lower() for text in texts for code in text.split(",") if code.strip()]
    if unknown := [code for code in codes if code not in CODES]:
        raise CannotStart(f"{unknown[0][:20]!r} is no language of the portal; it has {', '.join(CODES)}.")
    return tuple(code for code in CODES if code in codes) or CODES
