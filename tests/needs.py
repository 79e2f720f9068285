"""What some tests need of the machine; where it is missing they skip with a reason, and in CI they fail."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() in {"true", "1"}


def missing(what: str, how: str) -> NoReturn:
    """Skip the test because a part is not on this machine; in CI that is a failure."""
    text = f"{what} is not on this machine; install it with: {how}"
    if IN_CI:
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def chromium() -> str:
    """The browser's program; without a window, where there is one, it needs a third of the processor."""
    for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    missing("Chromium", "apt-get install chromium")


def axe() -> str:
    """The source of the accessibility checker."""
    path = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
    if not path.is_file():
        missing("axe-core", "npm install --ignore-scripts --no-save axe-core")
    return path.read_text(encoding="utf-8")


def postgres_programs() -> Path:
    """The folder of PostgreSQL's server programs."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if not candidates:
        missing("PostgreSQL", "apt-get install postgresql")
    return candidates[0].parent


def nginx() -> str:
    """The program of the reverse proxy; Debian keeps it where only the administrator's path leads."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return found or missing("nginx", "apt-get install nginx-light")


def corpus() -> Path | None:
    """The folder of real articles beside the repository; None where it is not there."""
    path = REPOSITORY.parent / "shared" / "corpus" / "articles"
    return path if path.is_dir() else None
