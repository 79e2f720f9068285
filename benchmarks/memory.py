"""Where the memory of a process that serves goes: what each step adds, from the interpreter to a thousand searches."""

import gc
import importlib
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from portal.edition import Edition

#: Libraries that are imported one after the other, and then the portal itself.
LIBRARIES = ("numpy", "sqlalchemy", "flask", "babel.dates", "whoosh.index", "markdown", "gunicorn.workers.gthread")
#: Articles that are opened, and searches that are asked, each for the first time.
OPENED, SEARCHES = 200, 1000
#: Makes every run ask the same.
SEED = 20260101


def own() -> float:
    """Memory of this process that is in no file, in MB: what no other process has, unless it was forked from this."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024


class Steps:
    """What each step adds."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._last = 0.0
        self.note("the interpreter")

    def note(self, what: str) -> None:
        """A step has been taken; what nobody needs any more has gone."""
        gc.collect()
        now = own()
        self.rows.append({"what": what, "value": now - self._last, "unit": "MB", "in all": now})
        self._last = now


def _use(steps: Steps, client: "FlaskClient", edition: "Edition", queries: list[tuple[str, str]]) -> None:
    """Read and search as many readers would."""
    keys = sorted(edition.knowledge.articles)
    for code, slug in keys[:: max(len(keys) // OPENED, 1)]:
        client.get(f"/{code}/articles/{slug}")
    steps.note(f"{OPENED} articles, their pages kept")
    for code in edition.knowledge.counts:
        edition.index.lexicon(code)
    steps.note("the words of four languages, for repairs")
    for code in edition.knowledge.counts:
        client.get(f"/{code}/suggest?q=a")
    steps.note("what is suggested in four languages")
    for half in (queries[: SEARCHES // 2], queries[SEARCHES // 2 : SEARCHES]):
        for number, (code, query) in enumerate(half):
            # Each from elsewhere, so that nobody asks too much.
            client.get(f"/{code}/search?q={quote(query)}", environ_base={"REMOTE_ADDR": f"10.0.{number % 250}.1"})
        steps.note(f"{len(half)} searches: lists, texts, snippets, pages")


@click.command()
@click.option("--articles", "given", type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A prepared instance folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(given: Path | None, data: Path, as_json: bool) -> None:
    """Show what each step of one process adds to its memory; workers share what comes before “a worker”."""
    steps = Steps()
    for name in LIBRARIES:
        importlib.import_module(name)  # Before the portal is.
    steps.note("libraries that everybody uses")
    from benchmarks import corpus, report  # noqa: PLC0415 - what is imported is measured
    from portal.app import create_app  # noqa: PLC0415
    from portal.selfservice import ready  # noqa: PLC0415
    from portal.server import prepare  # noqa: PLC0415
    from portal.settings import Settings  # noqa: PLC0415
    from portal.web.services import EXTENSION  # noqa: PLC0415

    steps.note("the portal's code and its own libraries")
    source = corpus.find(given)
    settings = Settings(articles=source.articles, data=data)
    prepared = prepare(settings)
    prepared.editions.hand_on()
    steps.note(f"{sum(prepared.counts.values())} articles without their texts")
    app = create_app(settings)
    edition = app.extensions[EXTENSION].editions.current()
    ready(edition)
    steps.note("a worker: application and index")
    asked = [(code, text) for (code, _), texts in corpus.queries(source, edition, 200).items() for text in texts]
    random.Random(SEED).shuffle(asked)
    steps.note("(the queries of this benchmark)")
    _use(steps, app.test_client(), edition, asked)
    if as_json:
        click.echo(json.dumps(steps.rows))
    else:
        report.show("memory", {"articles": str(source.articles)}, steps.rows, as_json=False)


if __name__ == "__main__":
    main()
