"""`portal serve`: run a portal."""

import logging
import sys

import click

from portal.commands.options import with_settings
from portal.commands.progress import progress_bar
from portal.errors import CannotStart
from portal.locales import CODES, LANGUAGES
from portal.problems import Severity
from portal.server import Prepared, addresses, serve_and_reload
from portal.server import serve as run_server
from portal.settings import Settings

log = logging.getLogger("portal")


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [PORTAL_HOST]")
@click.option("--port", metavar="NUMBER", help="Port to listen on.  [PORTAL_PORT]")
@click.option("--workers", metavar="NUMBER", help="Server processes; 0 is one per core.  [PORTAL_WORKERS]")
@click.option(
    "--dev", is_flag=True, flag_value="true", default=None, help="One process that reloads code.  [PORTAL_DEV]"
)
@with_settings
def serve(settings: Settings) -> None:
    """Serve the portal: prepare what is missing, publish what has changed, accept requests."""
    if settings.dev:
        serve_and_reload(_serve, settings)
    else:
        _serve(settings)


def _serve(settings: Settings) -> None:
    """Serve with a progress bar, and exit with one sentence where that is not possible."""
    try:
        with progress_bar("Articles", in_logs=settings.log_format == "text") as progress:
            run_server(settings, progress, lambda prepared: _announce(settings, prepared))
    except CannotStart as error:
        click.echo(f"portal: {error}", err=True)
        sys.exit(1)


def _announce(settings: Settings, prepared: Prepared) -> None:
    """Tell the operator what is served where, and what to do next."""
    report = prepared.report
    wrong = {problem.path for problem in report.problems if problem.severity is Severity.ERROR}
    left_out = sum(1 for path in wrong if path.endswith(".md"))
    counts = ", ".join(f"{LANGUAGES[code].name} {prepared.counts[code]}" for code in CODES)
    problems = [str(problem) for problem in report.problems]
    if report.rebuilt:
        problems.append(f"The search index was made anew: {report.rebuilt}.")
    lines = [
        f"Articles   {counts}" + (f" ({left_out} left out, see above)" if left_out else ""),
        f"Index      {'up to date' if not report.changed and not report.removed else f'{report.changed} read'}",
        *(f"{'' if number else 'Portal':<11}{address}" for number, address in enumerate(addresses(settings))),
        "Next       portal staff add EMAIL   gives somebody access to the desk",
    ]
    _tell(problems, lines, as_json=settings.log_format == "json")


def _tell(problems: list[str], lines: list[str], *, as_json: bool) -> None:
    """Say what is wrong on standard error and the rest on standard output; all of it in the log where that is JSON."""
    for problem in problems:
        if as_json:
            log.warning("%s", problem)
        else:
            click.echo(problem, err=True)
    for line in lines:
        if as_json:
            log.info("%s", line)
        else:
            click.echo(line)
    sys.stdout.flush()
