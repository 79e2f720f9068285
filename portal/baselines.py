"""Baselines: what judged queries found at one time, as a file that later runs are compared with."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.errors import CannotStart
from portal.evaluation import Outcome, essentials
from portal.judgments import BadJudgments

#: A baseline is no larger.
MAX_BASELINE = 64 * 1024 * 1024


@dataclass(frozen=True)
class Baseline:
    """What was found at one time."""

    #: See `evaluation.essentials`.
    rows: Mapping[str, Mapping[str, float]]
    #: Rank, 0 for none, and verdict of each query; see `Outcome.key`.
    places: Mapping[str, tuple[int, str]]


def save_baseline(path: Path, rows: Iterable[Mapping[str, Any]], outcomes: Iterable[Outcome]) -> None:
    """Write a baseline: a row or query on each line, in order, so that versions can be compared.

    Raises:
        CannotStart: it cannot be written.
    """
    figures = essentials(rows)
    places = {outcome.key: f"{outcome.rank} {outcome.asked.verdict}" for outcome in outcomes}
    parts = []
    for name, values in (("rows", figures), ("queries", places)):
        lines = (f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(values[key])}" for key in sorted(values))
        parts.append(f'"{name}": {{\n' + ",\n".join(lines) + "\n}")
    try:
        path.write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")
    except OSError as error:
        raise CannotStart(f"The baseline {path} cannot be written: {error.strerror}.") from error


def read_baseline(path: Path) -> Baseline:
    """A baseline from its file.

    Raises:
        BadJudgments: it is none.
    """
    try:
        if path.stat().st_size > MAX_BASELINE:
            raise BadJudgments(path, 0, "The baseline is too large.")
        given = json.loads(path.read_text(encoding="utf-8"))
        rows = {
            str(key): {str(name): float(figure) for name, figure in row.items()} for key, row in given["rows"].items()
        }
        places = {str(key): str(value).partition(" ") for key, value in given["queries"].items()}
        return Baseline(rows, {key: (int(rank), verdict) for key, (rank, _, verdict) in places.items()})
    except OSError as error:
        raise BadJudgments(path, 0, f"The baseline cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadJudgments(path, 0, "This is no baseline that --save-baseline has written.") from None
