"""What the tests of previews and backtests share: what people had asked, and commands that look back at it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from portal.cli import main
from portal.queries import gap_fingerprint
from portal.settings import Settings
from portal.storage import Database
from portal.storage import gaps as known
from portal.storage import tickets as store
from portal.tickets import Kind
from tests.builders import NOW, ticket


def run(instance: Settings, *arguments: str) -> Result:
    """Run a command on an instance."""
    options = ["--articles", str(instance.articles), "--data", str(instance.data)]
    return CliRunner().invoke(main, [*arguments, *options])


def as_json(instance: Settings, *arguments: str) -> Any:
    """What a command prints as JSON, however it ends."""
    result = run(instance, *arguments, "--json")
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout)


def gap(database: Database, query: str, times: int = 1, variants: tuple[str, ...] = (), **changes: Any) -> int:
    """A gap that was asked so often in its own words, and once in each of the others; its number."""
    language = changes.get("language", "en")
    fingerprint = gap_fingerprint(language, [query], None)
    facts: dict[str, Any] = {"kind": Kind.GAP, "subject": query, "query": query, "fingerprint": fingerprint}
    made = ticket(**facts | {"description": "", "occurrences": times + len(variants)} | changes)
    with database.write() as connection:
        number = store.create(connection, made)
        assert number is not None
        for wording, count in ((query, times), *((variant, 1) for variant in variants)):
            known.count_occurrence(connection, number, NOW.date(), language, wording, query, count)
    return number


def request(database: Database, subject: str, query: str = "", *, at: datetime = NOW, **changes: Any) -> int:
    """A request; its number."""
    with database.write() as connection:
        number = store.create(connection, ticket(subject=subject, query=query, created_at=at, **changes))
    assert number is not None
    return number


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file of a folder, without those that SQLite keeps while a database is open."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in files
        if not path.name.endswith(("-wal", "-shm"))
    }
