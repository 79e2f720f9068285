"""`portal articles check` and `explain`: every problem of the articles, and what each rule is for."""

import os
import sys
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from portal.commands.articles.group import articles
from portal.commands.options import as_json, own_articles, show, with_settings
from portal.commands.progress import progress_bar
from portal.problems import Problem, Severity
from portal.settings import Settings
from portal.writing.checking import cache, fixing, formats
from portal.writing.checking.check import check_articles
from portal.writing.checking.gitlab import gitlab
from portal.writing.checking.rulebook import READING, RULES, explain, likely

#: Fewer files are read before somebody would look at a bar.
_BAR_FROM = 1_000
#: So many mended files are named.
_NAMED = 10
_COLOURS = {"error": "red", "warning": "yellow", "code": "cyan"}


def _codes(_context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    """The codes of an option, which may stand in one value with commas between them."""
    codes = [code.strip() for value in values for code in value.split(",") if code.strip()]
    for code in codes:
        if code not in RULES:
            meant = likely(code)
            hint = f" Did you mean {' or '.join(meant)}?" if meant else " portal articles explain lists them."
            raise click.BadParameter(f"{code!r} is no code.{hint}")
        if code in READING and option.name == "ignore":
            raise click.BadParameter(f"{code} leaves something out; it cannot be ignored.")
    return frozenset(codes)


@articles.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github", "gitlab"]),
    default="text",
    help="Form of the problems.",
)
@click.option("--fix", is_flag=True, help="Mend what needs no decision, then report what is left.")
@click.option("--only", multiple=True, metavar="CODES", callback=_codes, help="Report these rules only.")
@click.option("--ignore", multiple=True, metavar="CODES", callback=_codes, help="Do not report these rules.")
@click.option("--strict", is_flag=True, help="End with 1 where there are warnings, too.")
@click.option(
    "--max-warnings", type=click.IntRange(0), metavar="N", help="End with 1 where there are more warnings than that."
)
@click.option("--no-cache", is_flag=True, help="Read every file anew, and keep nothing for the next run.")
@with_settings
def check(
    settings: Settings,
    paths: tuple[str, ...],
    form: str,
    fix: bool,
    only: frozenset[str],
    ignore: frozenset[str],
    strict: bool,
    max_warnings: int | None,
    no_cache: bool,
) -> None:
    """Report every problem as path:line:column, or those of some PATHS only.

    All articles are read in any case, because a mistake in one may show in another. Ends with 1 where there are
    errors. Rules are explained by portal articles explain CODE.
    """
    if fix:
        own_articles(settings)
    wanted = _wanted(paths, settings.articles)

    def found() -> list[Problem]:
        kept = None if no_cache else cache.path_of(settings.data)
        today = datetime.now(UTC).astimezone().date()
        with progress_bar("Checking") as bar:
            problems = check_articles(settings.articles, settings.default_language, today, _rarely(bar), kept)
        return [
            problem
            for problem in problems
            if (not only or problem.code in only) and problem.code not in ignore and wanted(problem.path)
        ]

    problems = found()
    if fix and (mended := fixing.apply(settings.articles, [p for p in problems if formats.is_fixable(p)])):
        rest = f" and {len(mended) - _NAMED:,} more" if len(mended) > _NAMED else ""
        click.echo(f"Mended: {', '.join(mended[:_NAMED])}{rest}", err=True)
        problems = found()
    _tell(problems, form, _shown_folder(settings.articles))
    click.echo(formats.summary(problems), err=True)
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    most = 0 if strict else max_warnings
    sys.exit(1 if errors or (most is not None and len(problems) - errors > most) else 0)


def _rarely(step: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Progress that is shown only where there is much to read."""
    first: list[int] = []

    def told(done: int, total: int) -> None:
        first.append(total - done) if not first else None
        if first[0] >= _BAR_FROM:
            step(done, total)

    return told


def _wanted(paths: tuple[str, ...], root: Path) -> Callable[[str], bool]:
    """Whether a path of a problem is one of those that were asked for, or in a folder of them."""
    if not paths:
        return lambda _path: True
    inside = root.resolve()
    names = []
    for given in paths:
        places = [place for place in (Path(given), root / given) if os.path.lexists(place)]
        # A symbolic link is named as itself, not as what it leads to.
        real = [place.parent.resolve() / place.name if place.name else place.resolve() for place in places]
        known = next((place for place in real if place.is_relative_to(inside)), None)
        if known is None:
            why = "lies outside of" if places else "is not in"
            raise click.BadParameter(f"{given} {why} the folder of the articles, {root}.", param_hint="PATHS")
        names.append(unicodedata.normalize("NFC", known.relative_to(inside).as_posix()))
    files = frozenset(names)
    folders = tuple(f"{name}/" for name in files)
    return lambda path: "." in files or path in files or path.startswith(folders)


def _tell(problems: Iterable[Problem], form: str, folder: str) -> None:
    """Print problems."""
    if form == "json":
        click.echo(formats.as_json(problems))
    elif form == "sarif":
        click.echo(formats.sarif(problems, folder))
    elif form == "gitlab":
        click.echo(gitlab(problems, folder))
    else:
        style = _styled if sys.stdout.isatty() and "NO_COLOR" not in os.environ else (lambda _part, words: words)
        lines = [formats.github(item, folder) if form == "github" else formats.text(item, style) for item in problems]
        if lines:
            click.echo("\n".join(lines))


def _styled(part: str, words: str) -> str:
    """A part of a line in its colour."""
    return click.style(words, fg=_COLOURS.get(part), bold=part == "place")


def _shown_folder(root: Path) -> str:
    """The folder of the articles from where the command was called, which in a pipeline is the top of the repository."""
    real, here = root.resolve(), Path.cwd()
    return (real.relative_to(here) if real.is_relative_to(here) else root).as_posix()


@articles.command("explain")
@click.argument("code", required=False)
@as_json
def explain_rule(code: str | None, as_json: bool) -> None:
    """Say what the rule CODE is for and what to do about it; without one, list all rules."""
    if code is None:
        rows = [{**vars(rule), "severity": rule.severity.value} for rule in RULES.values()]
        width = max(map(len, RULES))
        show(rows, as_json, lambda: [f"{row['code']:{width}}  {row['severity']:7}  {row['summary']}" for row in rows])
        return
    if code not in RULES:
        meant = likely(code)
        hint = f" Did you mean {' or '.join(meant)}?" if meant else ""
        raise click.BadParameter(f"{code!r} is no code.{hint}", param_hint="CODE")
    rule = RULES[code]
    show({**vars(rule), "severity": rule.severity.value}, as_json, lambda: [explain(code)])
