"""The import itself: every file is looked at, placed, turned into an article and checked; then all are written."""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path, PurePosixPath

from portal import library, redirects, vocabulary
from portal.articles import Article, fingerprint
from portal.errors import CannotStart
from portal.locales import CODES, source_order
from portal.outline import read_outline
from portal.parallel import Progress
from portal.problems import Problem, Severity
from portal.topics import read_topics
from portal.writing.exporting.markdown_files import COMPANIONS, OF_LANGUAGE
from portal.writing.exporting.selection import images
from portal.writing.importing import bodies, families, fields, joining, sources
from portal.writing.importing.leads import Anchors, Leads, Places
from portal.writing.importing.mapping import Rules
from portal.writing.importing.pictures import Pictures
from portal.writing.importing.report import Entry, Outcome, Report
from portal.writing.importing.sources import Refused
from portal.writing.importing.writing import Staging, article_text, staging

#: Texts whose headings are remembered for the links that lead to them.
_REMEMBERED = 2_000
#: Notes of one file that are told.
MAX_NOTES = 100


@dataclass(frozen=True)
class _Made:
    """An article, ready to be written."""

    article: Article
    raw: bytes
    changes: tuple[str, ...]
    notes: tuple[tuple[int, str], ...]


def import_folder(
    folder: Path,
    root: Path,
    rules: Rules,
    default_language: str,
    progress: Progress = lambda _done, _total: None,
    *,
    language: str = "",
    is_overwriting: bool = False,
    is_trial: bool = False,
) -> Report:
    """Import a folder of Markdown.

    What is refused is left out and told; nothing that is there is replaced unasked, and all others are written or none.

    Args:
        folder: what is imported; it is only read.
        root: folder of the articles; made where it is missing.
        rules: how.
        default_language: the likeliest source of a family.
        progress: told of every step.
        language: code, for files that do not say theirs; empty where each must.
        is_overwriting: whether articles that are there may be replaced.
        is_trial: only tell what would be.

    Raises:
        CannotStart: the folder cannot be read, or has to do with that of the articles; or writing failed, and what was
            written was taken back.
        ChangedMeanwhile: somebody has written one of the files since it was compared; nothing was imported.
        OSError: the articles' folder cannot be written.
    """
    own, there = folder.resolve(), root.resolve()
    if own.is_relative_to(there) or there.is_relative_to(own):
        raise CannotStart(f"{folder} has to do with the folder of the articles, {root}. Import from another one.")
    taking = _Taking(folder, root, rules, source_order(default_language))
    report = taking.run(language, progress, is_overwriting=is_overwriting, is_trial=is_trial)
    report.entries.sort(key=lambda entry: (entry.path, entry.target))
    return report


def unnamed_topics(report_topics: frozenset[str], root: Path) -> list[str]:
    """Topics of imported articles that `topics.yml` does not name."""
    return sorted(report_topics - {topic.slug for topic in read_topics(root)[0]})


class _Taking:
    """One import."""

    def __init__(self, folder: Path, root: Path, rules: Rules, preferred: tuple[str, ...]) -> None:
        self._folder, self._root, self._rules, self._preferred = folder, root, rules, preferred
        self._report = Report()
        self._anchors = lru_cache(maxsize=_REMEMBERED)(self._read_anchors)
        #: Fingerprint of each family's source.
        self._sources: dict[str, str] = {}
        self._topics: set[str] = set()
        self._by_slug: dict[tuple[str, str], families.Placed] = {}
        #: Language and slug of each article that is there, or will be, and comes from the import.
        self._kept: set[tuple[str, str]] = set()

    def run(self, language: str, progress: Progress, *, is_overwriting: bool, is_trial: bool) -> Report:
        """Do it; see `import_folder`."""
        found = sources.find(self._folder, self._rules.skip)
        for path, reason in found.refused:
            self._refuse(path, Refused(reason))
        self._report.is_trial = is_trial
        total, done = 2 * len(found.files), 0
        placed: list[families.Placed] = []
        for path in found.files:
            if one := self._place(path, language):
                placed.append(one)
            progress(done := done + 1, total)
        slugs, renamed = families.slugs_of(placed, self._preferred)
        known = {path.stem for code in CODES for path in (self._root / code).glob("*.md")}
        for one in placed:
            if (first := self._by_slug.setdefault((one.language, slugs[one.family]), one)) is not one:
                self._refuse(one.path, Refused(f"the same article in the same language as {sources.shown(first.path)}"))
        taken = {one: slug for (_, slug), one in self._by_slug.items()}
        places = Places(taken, known, self._rules)
        pictures = Pictures(self._folder, self._root / "images", is_overwriting=is_overwriting)
        done = total - len(taken)
        with staging(self._root, is_trial=is_trial, is_overwriting=is_overwriting) as stage:
            # A family's source comes before its translations, which may name its fingerprint.
            order = sorted(taken, key=lambda one: (self._preferred.index(one.language), one.path))
            waiting: set[families.Placed] = set()
            # Whether an article that is there belongs to the import as well, is known when all have been looked at.
            for one in chain(order, (one for one in order if one in waiting)):
                try:
                    made = self._made(one, taken[one], places, pictures)
                    there = joining.strangers(self._root, one.language, taken[one], self._kept)
                    if there and one not in waiting:
                        waiting.add(one)
                        continue
                    if there:
                        note = joining.joined(there, one, taken[one], self._rules)
                        made = replace(made, notes=((1, note), *made.notes))
                    changes = (*renamed.get(one.family, ()), *made.changes)
                    self._keep(one.path, made, changes, stage, is_overwriting=is_overwriting)
                except Refused as error:
                    self._refuse(one.path, error)
                progress(done := done + 1, total)
            self._keep_others(stage, pictures, is_overwriting=is_overwriting)
            stage.settle()
        self._report.topics = frozenset(self._topics)
        return self._report

    def _refuse(self, path: str, why: Refused) -> None:
        """Tell that a file is left out."""
        self._report.entries.append(Entry(sources.shown(path), Outcome.REFUSED, reason=str(why), line=why.line))

    def _place(self, path: str, language: str) -> families.Placed | None:
        """The language and family of a file; None where it is refused."""
        try:
            source = sources.read(self._folder / path, self._rules.encodings)
            code = families.language_of(source, path, self._rules, language)
            title = source.front.get("title")
            if "title" in self._rules.slug_from:
                title = fields.read_fields(source, path, self._rules).values["title"]
        except Refused as error:
            self._refuse(path, error)
            return None
        address = families.address_of(path, self._rules)
        family = families.family_of(source, address, self._rules)
        wish = fields.slug_wish(source, address, self._rules, str(title or ""))
        return families.Placed(path, code, family, address, wish, families.pages_of(source))

    def _read_anchors(self, slug: str, language: str) -> Anchors:
        """The anchors of an article that is imported, in a language or the best other one."""
        codes = (language, *self._preferred)
        one = next((found for code in codes if (found := self._by_slug.get((code, slug)))), None)
        if one is None:
            return Anchors(())
        try:
            source = sources.read(self._folder / one.path, self._rules.encodings)
            body = fields.read_fields(source, one.path, self._rules).body
        except Refused:
            return Anchors(())
        return Anchors(() if _is_beyond(body) else read_outline(body, 1).headings)

    def _made(self, one: families.Placed, slug: str, places: Places, pictures: Pictures) -> _Made:
        """The article that a file becomes.

        Raises:
            Refused: it becomes none.
        """
        rules = self._rules
        source = sources.read(self._folder / one.path, rules.encodings)
        own = library.parse(source.raw, one.language, slug, one.path).article
        if own is not None and rules.is_identity:
            return self._noted(_Made(own, source.raw, (), ()))
        found = fields.read_fields(source, one.path, rules)
        told = bodies.Notes([*source.changes, *found.changes])
        body = bodies.with_our_boxes(found.body, told) if rules.has_boxes else found.body

        def anchors(target: str, language: str) -> Anchors:
            return self._anchors(target or slug, language)

        leads = Leads(one, places, pictures, anchors, self._folder, rules)
        if not _is_beyond(body):  # Else it is refused below.
            body = bodies.rewritten(body, source.body_line + found.lost, leads.lead, told)
        if rules.origin and "origin" not in found.values:
            names = {"path": one.path, "folder": self._folder.resolve().name}
            found.values["origin"] = sources.shown(rules.origin.format(**names))[:1000]
        if rules.is_current and slug in self._sources and "source" not in found.values:
            found.values["source"] = self._sources[slug]
        raw = article_text(found.values, body).encode()
        reading = library.parse(raw, one.language, slug, one.path)
        if reading.article is None:
            raise _refusal(reading, source, found)
        notes = told.notes[:MAX_NOTES]
        if more := len(told.notes) - len(notes):
            notes.append((told.notes[MAX_NOTES][0], f"and {more} more of this kind"))
        if own == reading.article:
            return self._noted(_Made(own, source.raw, (), tuple(notes)))  # It was one of ours already.
        return self._noted(_Made(reading.article, raw, tuple(told.changes), tuple(notes)))

    def _noted(self, made: _Made) -> _Made:
        """An article, whose fingerprint and topic are remembered."""
        self._sources.setdefault(made.article.slug, fingerprint(made.article))
        self._topics.add(made.article.topic)
        return made

    def _keep(self, path: str, made: _Made, changes: tuple[str, ...], stage: Staging, *, is_overwriting: bool) -> None:
        """Let an article wait to be written.

        Raises:
            Refused: another is there.
        """
        target = f"{made.article.language}/{made.article.slug}.md"
        outcome = self._compared(target, made.raw, is_overwriting=is_overwriting)
        if outcome is None:
            stage.add(target, made.raw)
            outcome = Outcome.CHANGED if changes else Outcome.IMPORTED
        self._kept.add((made.article.language, made.article.slug))
        self._report.entries.append(Entry(sources.shown(path), outcome, target, changes, made.notes))

    def _compared(self, target: str, raw: bytes, *, is_overwriting: bool) -> Outcome | None:
        """What a file that is there already makes of one that is to be written; None where it may be.

        Raises:
            Refused: it may not.
        """
        there = self._root / target
        if not there.exists() and not there.is_symlink():
            return None
        if there.is_file() and there.stat().st_size == len(raw) and there.read_bytes() == raw:
            return Outcome.UNCHANGED
        if is_overwriting and there.is_file() and not there.is_symlink():
            return None
        raise Refused(f"{target} is there already" + ("" if is_overwriting else "; --overwrite replaces it"))

    def _keep_others(self, stage: Staging, pictures: Pictures, *, is_overwriting: bool) -> None:
        """Let images, and what stands beside the articles of a folder of ours, wait to be written."""
        if self._rules.is_identity:
            for name in sorted(images(self._folder)):
                taken, reason = pictures.take(f"images/{name}")
                if not taken:
                    self._refuse(f"images/{name}", Refused(f"it {reason}"))
            for name in (*COMPANIONS, *(f"{code}/{name}" for code in CODES for name in OF_LANGUAGE)):
                self._keep_companion(name, stage, is_overwriting=is_overwriting)
        for name, path in sorted(pictures.wanted.items()):
            try:
                stage.add(f"images/{name}", pictures.read(name))
            except Refused as error:
                self._refuse(path, error)
                continue
            shown = sources.shown(path)
            is_renamed = PurePosixPath(path).name != name
            changes = ("another image has its name, or its name is none for articles",) if is_renamed else ()
            outcome = Outcome.CHANGED if is_renamed else Outcome.IMPORTED
            self._report.entries.append(Entry(shown, outcome, f"images/{name}", changes))

    def _keep_companion(self, name: str, stage: Staging, *, is_overwriting: bool) -> None:
        """Let a file that stands beside the articles wait to be written."""
        path = self._folder / name
        if not path.is_file() or not path.resolve().is_relative_to(self._folder.resolve()):
            return
        try:
            _check(_faults(self._folder, name))
            raw = sources.read_bytes(path, redirects.MAX_BYTES)
            outcome = self._compared(name, raw, is_overwriting=is_overwriting)
        except Refused as error:
            self._refuse(name, error)
            return
        if outcome is None:
            stage.add(name, raw)
        self._report.entries.append(Entry(name, outcome or Outcome.IMPORTED, name))


def _is_beyond(body: str) -> bool:
    """Whether a body has more of a sign than an article may: to look for its links could take for ever."""
    limits = {"[": library.MAX_BRACKETS, **library.MAX_SIGNS}
    return any(body.count(sign) > most for sign, most in limits.items())


def _check(problems: tuple[Problem, ...]) -> None:
    """Refuse a file that has an error.

    Raises:
        Refused: it has.
    """
    if faults := [problem for problem in problems if problem.severity is Severity.ERROR]:
        raise Refused(faults[0].message, faults[0].line)


def _faults(folder: Path, name: str) -> tuple[Problem, ...]:
    """What is wrong with a file that stands beside the articles."""
    language, _, file = name.rpartition("/")
    if file == "synonyms.txt":
        return vocabulary.read_synonyms(folder, language)[1]
    if file == "glossary.yml":
        return vocabulary.read_glossary(folder)[1]
    if file == "topics.yml":
        return read_topics(folder)[1]
    return redirects.read_redirects(folder)[1] if file == redirects.NAME else ()


def _refusal(reading: library.Reading, source: sources.Source, found: fields.Fields) -> Refused:
    """Why a text is no article, at the line of the file that it comes from."""
    problem = next(problem for problem in reading.problems if problem.severity is Severity.ERROR)
    if problem.line >= reading.body_line > 1:
        line = problem.line - reading.body_line + source.body_line + found.lost
    else:
        line = next((found.lines.get(key, 1) for key, at in reading.lines if at == problem.line), 0)
    return Refused(f"{problem.code}: {problem.message.rstrip('.')}", line)
