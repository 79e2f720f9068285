"""A translation beside its source, with the passages that have become stale."""

import re
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app, redirect, render_template, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as AnyResponse

from portal.articles import fingerprint
from portal.errors import NotFound
from portal.people import Right
from portal.problems import Severity
from portal.web.security import needs
from portal.web.services import services
from portal.web.writers import blueprint
from portal.web.writers.families import Family, page_of, previews, state_of, unchanged
from portal.web.writers.words import FRESHNESS, SOURCE_PASSAGE, TRANSLATED_PASSAGE, VISIBILITY
from portal.writing.checking.rulebook import RULES
from portal.writing.live.preview import Quotation, lines_of, quotation
from portal.writing.translation.differences import Kind, Row, State
from portal.writing.translation.side_by_side import Comparisons, SideBySide, Unknown

_EXTENSION = "comparisons"
UNKNOWN = {
    Unknown.UNNAMED: _l(
        "The translation does not name the text that it was made from (source in its front matter), so nothing can be marked as stale. Both texts are shown whole."
    ),
    Unknown.NO_GIT: _l(
        "Git knows nothing of the text that was translated, so nothing can be marked as stale. Both texts are shown whole."
    ),
    Unknown.NOT_FOUND: _l(
        "None of the versions that git has is the text that was translated, so nothing can be marked as stale. Both texts are shown whole."
    ),
}


def _comparisons() -> Comparisons:
    """The comparisons that this process keeps."""
    known = current_app.extensions.get(_EXTENSION)
    if known is None:
        made = Comparisons(services().settings.articles.absolute(), previews())
        known = current_app.extensions.setdefault(_EXTENSION, made)
    return cast(Comparisons, known)


_MARKS = re.compile(r"^#+\s*|\s*#*\s*\{[^{}]*\}\s*$|\s+#+\s*$")


@dataclass(frozen=True)
class Section:
    """A row with what it is called."""

    row: Row
    #: Its heading in the source, or where that lacks it in the translation; empty where it has none.
    heading: str
    #: Of the heading.
    language: str
    is_concerned: bool


def _section(row: Row, source: str, code: str) -> Section:
    """A row with its heading."""
    passages, language = (row.source, source) if row.source else (row.translation, code)
    first = passages[0] if passages and passages[0].kind is Kind.HEADING else None
    heading = _MARKS.sub("", first.text) if first else ""
    return Section(row, heading, language, row.state not in {State.FRESH, State.UNKNOWN})


@dataclass(frozen=True)
class _Found:
    """Two texts of a family, as their files are now."""

    family: Family
    code: str
    source: str
    #: Of either file.
    errors: tuple[Quotation, ...]
    #: None where there are errors, where a text is missing, and while it is being made.
    beside: SideBySide | None
    is_missing: bool

    @property
    def state(self) -> str:
        """What changes with anything that the page shows."""
        files = self.family.files
        made = (self.beside.unknown, self.beside.version) if self.beside else None
        return state_of(self.code, self.source, files, list(self.family.siblings()), self.errors, made)

    def values(self) -> dict[str, Any]:
        """All that the page shows."""
        articles = self.family.articles
        return {
            "state": self.state,
            "code": self.code,
            "slug": self.family.slug,
            "source_code": self.source,
            "source": articles.get(self.source),
            "shown": fingerprint(articles[self.source]) if self.source in articles else "",
            "translation": articles.get(self.code),
            "errors": self.errors,
            "beside": self.beside,
            "sections": [
                _section(row, self.source, self.code)
                for row in (self.beside.comparison.rows if self.beside else ())
                if row.source or row.translation
            ],
            "is_missing": self.is_missing,
            "freshness": self.family.freshness(self.code),
            "siblings": [each for each in self.family.siblings() if each.language not in {self.code, self.source}],
            "unknown": UNKNOWN,
            "words": VISIBILITY,
            "freshness_words": FRESHNESS,
            "source_words": SOURCE_PASSAGE,
            "translation_words": TRANSLATED_PASSAGE,
            "rules": RULES,
        }


def _find(slug: str, code: str) -> _Found | None:
    """A translation beside its source; None for the source itself.

    Raises:
        NotFound: there is no such family.
    """
    family = Family(slug)
    if not family.files:
        raise NotFound(slug)
    # Where every text names another one, or has errors, the others are put beside the first.
    source = family.source or next((other for other in family.files if other != code), code)
    if source == code:
        return None
    errors = tuple(_errors(family, (source, code)))
    beside = None
    is_missing = code not in family.files
    if not errors and not is_missing:
        beside = _comparisons().get(family.files[source], family.files[code])
    return _Found(family, code, source, errors, beside, is_missing)


def _errors(family: Family, codes: tuple[str, ...]) -> list[Quotation]:
    """What keeps texts from being compared, with the lines."""
    found: list[Quotation] = []
    for code in codes:
        if read := family.read.get(code):
            errors = [problem for problem in read.reading.problems if problem.severity is Severity.ERROR]
            found += [quotation(lines_of(read.raw), problem) for problem in errors]
        elif refused := previews().look(code, family.slug)[1]:
            found.append(Quotation(refused))
    return found


@blueprint.get("/compare/<slug>/<language:code>")
@needs(Right.WRITE_ARTICLES)
def compare(slug: str, code: str) -> AnyResponse:
    """A source and its translation, side by side by section."""
    found = _find(slug, code)
    if found is None:
        return redirect(url_for("writers.article", code=code, slug=slug))
    return page_of(render_template("desk/preview_compare.html", **found.values()), found.state)


@blueprint.get("/compare/<slug>/<language:code>/fresh")
@needs(Right.WRITE_ARTICLES)
def fresh_compare(slug: str, code: str) -> AnyResponse:
    """Both texts, where one of the files has changed since the page was made."""
    found = _find(slug, code)
    if found is None:
        raise NotFound(slug)
    return unchanged(found.state) or page_of(
        render_template("desk/preview_compare_live.html", **found.values()), found.state
    )
