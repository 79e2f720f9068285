"""Lighthouse on every kind of page of a running portal, as a phone and as a desktop computer."""

import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks.browsers import Programs, browser, find_programs, trivial_page
from benchmarks.cookies import Cookies
from benchmarks.furnished import KINDS, Furnished, Kind, furnish
from benchmarks.load import HOST
from benchmarks.report import Cell, Row, show
from benchmarks.serving import free_port, server
from portal.commands.options import shipped_articles
from portal.commands.progress import progress_bar
from portal.locales import CODES
from portal.server import prepare
from portal.services import open_services
from portal.settings import Settings

FORMS = ("mobile", "desktop")
#: The category that depends on the machine, too.
TIMED = "performance"
CATEGORIES = (TIMED, "accessibility", "best-practices", "seo")
#: What each must come to on every page.
TARGET = 98
#: The one audit that is left out, on pages that must not be listed by search engines.
NOT_LISTED = "is-crawlable"
#: What a page that answers with an error cannot satisfy: it has an error's status, and the browser says so.
OF_ERRORS = {"http-status-code", "errors-in-console"}
#: A page of one word that is not the portal's: what it lacks, the machine lacks.
TRIVIAL = Kind("(one word, not the portal)", "", is_listed=True)
#: Longest time for one page, in seconds, and how often it is tried where the browser or Lighthouse fails.
_LIMIT, _TRIES = 180, 3


class Unseen(Exception):
    """Lighthouse did not see a page; says why."""


@dataclass(frozen=True)
class Run:
    """What Lighthouse said of a page once."""

    #: By category, in hundredths.
    scores: dict[str, float]
    #: By category: audits that cost something, with what they say.
    faults: dict[str, dict[str, str]]
    #: Bytes and requests of the visit.
    weight: int
    requests: int


@dataclass(frozen=True)
class Result:
    """What became of a kind of page on one form in one language: medians of the scores."""

    kind: Kind
    language: str
    form: str
    scores: dict[str, float]
    faults: dict[str, dict[str, str]]
    weight: int
    requests: int

    @property
    def missed(self) -> dict[str, set[str]]:
        """What is below the target, and why; not where only an error's own status is in the way."""
        if self.kind is TRIVIAL:
            return {}
        below = {each: set(self.faults.get(each, {})) for each, score in self.scores.items() if score < TARGET}
        return {each: why for each, why in below.items() if self.kind.status < 400 or not why or why - OF_ERRORS}


@dataclass(frozen=True)
class Inspector:
    """Runs Lighthouse on the pages of a running portal."""

    programs: Programs
    #: Addresses of the portal and of the trivial page, without their last slash.
    portal: str
    trivial: str
    furnished: Furnished
    cookies: Cookies
    runs: int
    categories: tuple[str, ...]
    work: Path
    #: Folder that receives Lighthouse's reports; None keeps none.
    reports: Path | None

    def inspect(self, kind: Kind, language: str, form: str) -> Result:
        """Look at one page as often as wanted: all categories first, then its performance alone."""
        wanted = (TIMED,) if kind is TRIVIAL else self.categories
        try:
            return self._inspect(kind, language, form, wanted)
        except Unseen as error:
            nothing: dict[str, float] = dict.fromkeys(wanted, 0)
            return Result(kind, language, form, nothing, {each: {str(error): ""} for each in wanted}, 0, 0)

    def _inspect(self, kind: Kind, language: str, form: str, wanted: tuple[str, ...]) -> Result:
        """The same; raises where a run has failed.

        Raises:
            Unseen: Lighthouse did not see the page.
        """
        first = self._run(kind, language, form, wanted)
        timed = [first] if TIMED in wanted else []
        timed += [self._run(kind, language, form, (TIMED,)) for _ in timed * (self.runs - 1)]
        scores, faults = dict(first.scores), dict(first.faults)
        if timed:
            timed.sort(key=lambda run: run.scores[TIMED])
            scores[TIMED] = median(run.scores[TIMED] for run in timed)
            faults[TIMED] = timed[len(timed) // 2].faults[TIMED]
        return Result(kind, language, form, scores, faults, first.weight, first.requests)

    def _run(self, kind: Kind, language: str, form: str, categories: tuple[str, ...]) -> Run:
        """Look at a page once, in a browser that has seen nothing yet."""
        address = f"{self.trivial}/" if kind is TRIVIAL else self.portal + self.furnished.path(kind, language)
        command = [
            self.programs.node, str(self.programs.lighthouse), address, "--quiet", "--output=json",
            "--disable-full-page-screenshot", "--no-enable-error-reporting",
            f"--only-categories={','.join(categories)}",
        ]  # fmt: skip
        command += ["--preset=desktop"] if form == "desktop" else []
        command += [f"--skip-audits={NOT_LISTED}"] if "seo" in categories and not kind.is_listed else []
        command += ["--ignore-status-code"] if kind.status >= 400 else []
        if cookies := self.cookies.of(kind.who):
            command.append(f"--extra-headers={json.dumps({'Cookie': cookies})}")
        said = ""
        for _ in range(_TRIES):
            try:
                told = self._said(command)
                found = _read(json.loads(told), address, kind, categories)
            except subprocess.TimeoutExpired:
                said = f"nothing within {_LIMIT} s"
            except ValueError as error:
                said = str(error)
            else:
                if self.reports and len(categories) > 1:
                    name = re.sub(r"\W+", "-", f"{kind.name} {language} {form}").lower()
                    (self.reports / f"{name}.json").write_text(told, encoding="utf-8")
                return found
        raise Unseen(said)

    def _said(self, command: list[str]) -> str:
        """What Lighthouse prints with a browser of its own."""
        with (
            tempfile.TemporaryDirectory(dir=self.work, prefix="profile-", ignore_cleanup_errors=True) as profile,
            browser(self.programs.chromium, Path(profile)) as port,
        ):
            done = subprocess.run(
                [*command, f"--port={port}"], capture_output=True, text=True, check=False, timeout=_LIMIT, cwd=self.work
            )
        if not done.stdout:
            raise ValueError(done.stderr[-500:])
        return done.stdout


def _read(told: dict[str, Any], address: str, kind: Kind, categories: tuple[str, ...]) -> Run:
    """What a report says.

    Raises:
        ValueError: it is not about the page that was meant, or has no score.
    """
    if error := told.get("runtimeError"):
        raise ValueError(error["message"])
    audits = told["audits"]
    requests = audits.get("network-requests", {}).get("details", {}).get("items", [])
    status = next((each["statusCode"] for each in requests if each["url"] == address), kind.status)
    if told["finalDisplayedUrl"] != address or status != kind.status:
        raise ValueError(f"it came to {told['finalDisplayedUrl']} with status {status}")
    scores, faults = {}, {}
    for name in categories:
        category = told["categories"][name]
        if category["score"] is None:
            raise ValueError(f"it has no score for {name}")
        scores[name] = round(100 * category["score"])
        known = {each["id"]: audits[each["id"]] for each in category["auditRefs"] if each["weight"]}
        faults[name] = {
            _named(key, audit, address): audit.get("displayValue") or audit["title"]
            for key, audit in known.items()
            if audit["score"] is not None and audit["score"] < (0.9 if name == TIMED else 1)
        }
    # Pages that go on asking for news have later requests, too.
    loaded = [each for each in requests if each["resourceType"] not in {"Fetch", "XHR", "Ping", "Preflight"}]
    return Run(scores, faults, sum(each["transferSize"] for each in loaded), len(loaded))


def _named(key: str, audit: dict[str, Any], address: str) -> str:
    """What a fault is called: complaints about other files than the page itself are told apart."""
    items = audit.get("details", {}).get("items", []) if key == "errors-in-console" else []
    is_foreign = any(each.get("sourceLocation", {}).get("url") != address for each in items)
    return f"{key} of other files" if is_foreign else key


@contextmanager
def opened(
    programs: Programs, runs: int, categories: tuple[str, ...], work: Path, reports: Path | None
) -> Iterator[Inspector]:
    """Serve a furnished portal until the end of the block."""
    settings = replace(Settings(), articles=shipped_articles(), data=work / "data", workers=2)
    with progress_bar("Publishing") as progress:
        prepare(settings, progress)
    services = open_services(settings)
    port = free_port()
    command = ["-m", "portal", "serve", "--articles", str(settings.articles), "--data", str(settings.data)]
    try:
        furnished = furnish(services)
        with (
            server([*command, "--workers", "2", "--port", str(port)], port, "/readyz", work / "portal.log"),
            trivial_page() as trivial,
        ):
            address = f"http://{HOST}:{port}"
            yield Inspector(
                programs, address, trivial.rstrip("/"), furnished, Cookies(port), runs, categories, work, reports
            )
    finally:
        services.close()


def inspected(inspector: Inspector, kinds: list[Kind], languages: tuple[str, ...], at_once: int) -> Iterator[Result]:
    """Look at every page on both forms, those with a notice last; at the trivial page before and after."""
    trivial = [(TRIVIAL, "en", form) for form in FORMS if TIMED in inspector.categories]
    for has_notice in (False, True):
        chosen = [each for each in kinds if each.has_notice is has_notice]
        if has_notice and chosen:
            inspector.furnished.announce()
        tasks = [(kind, language, form) for language in languages for kind in chosen for form in FORMS]
        tasks = [*tasks, *trivial] if has_notice else [*trivial, *tasks]
        with ThreadPoolExecutor(at_once) as threads:
            yield from threads.map(lambda task: inspector.inspect(*task), tasks)


def row_of(result: Result, categories: tuple[str, ...]) -> Row:
    """A line of the table."""
    why = {each for name, score in result.scores.items() if score < TARGET for each in result.faults[name]}
    note = "by intent: " if why and not result.missed and result.kind is not TRIVIAL else ""
    return {
        "kind": result.kind.name,
        "language": result.language,
        "form": result.form,
        **{name: round(result.scores[name]) if name in result.scores else None for name in categories},
        # Only where speed was measured does Lighthouse say what was loaded.
        "kB": round(result.weight / 1000, 1) if result.requests else None,
        "requests": result.requests or None,
        "left out": "" if result.kind.is_listed or "seo" not in categories else NOT_LISTED,
        f"below {TARGET} because of": note + ", ".join(sorted(why)),
    }


def _facts(programs: Programs, runs: int) -> dict[str, Cell]:
    """What is said above the table."""
    version = subprocess.run([programs.chromium, "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "lighthouse": programs.version,
        "chromium": version.strip(),
        "runs": f"{runs}, the median is the performance; each a first visit, throttled as Lighthouse does by default",
        "left out": f"{NOT_LISTED} alone, on pages that search engines shall not list: they say so (noindex)",
        "target": f"{TARGET} in each category",
    }


@click.command()
@click.option("--only", multiple=True, metavar="KIND", help="Kinds whose names begin so; again for more.")
@click.option("--languages", multiple=True, type=click.Choice(CODES), default=("en",), show_default=True)
@click.option("--categories", multiple=True, type=click.Choice(CATEGORIES), default=CATEGORIES, show_default=True)
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1, 9), help="Of each page, for its speed.")
@click.option("--at-once", default=1, show_default=True, type=click.IntRange(1, 8), help="More disturb each other.")
@click.option("--lighthouse", type=click.Path(path_type=Path, resolve_path=True), help="Folder where npm installed it.")
@click.option("--reports", type=click.Path(path_type=Path, resolve_path=True), help="Folder for Lighthouse's reports.")
@click.option("--json", "into", type=click.Path(dir_okay=False, path_type=Path), help="Write the table as JSON, too.")
def main(
    only: tuple[str, ...],
    languages: tuple[str, ...],
    categories: tuple[str, ...],
    runs: int,
    at_once: int,
    lighthouse: Path | None,
    reports: Path | None,
    into: Path | None,
) -> None:
    """Run Lighthouse on every kind of page; fails where a category is below 98."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # Server and browsers are ended then, too.
    kinds = [each for each in KINDS if not only or each.name.lower().startswith(tuple(map(str.lower, only)))]
    if not kinds:
        raise click.UsageError("There is no such kind of page: " + ", ".join(each.name for each in KINDS))
    if reports:
        reports.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as name:
        programs = find_programs(lighthouse, Path(name))
        with (
            opened(programs, runs, categories, Path(name), reports) as inspector,
            progress_bar("Lighthouse") as progress,
        ):
            for result in inspected(inspector, kinds, languages, at_once):
                results.append(result)
                progress(min(len(results), len(kinds) * len(languages) * 2), len(kinds) * len(languages) * 2)
    facts, rows = _facts(programs, runs), [row_of(each, categories) for each in results]
    show("lighthouse", facts, rows, as_json=False)
    if into:
        told = json.dumps({"facts": facts, "rows": rows}, ensure_ascii=False, indent=2)
        into.write_text(told + "\n", encoding="utf-8")
    missed = [each for each in results if each.missed]
    is_busy = any(each.kind is TRIVIAL and each.scores[TIMED] < TARGET for each in results)
    if is_busy and any(TIMED in each.missed for each in missed):
        click.echo(f"A page of one word is below {TARGET}, too: this machine is too busy to measure {TIMED}.", err=True)
    if missed:
        raise click.ClickException(f"{len(missed)} of {len(kinds) * len(languages) * 2} are below {TARGET}.")


if __name__ == "__main__":
    main()
