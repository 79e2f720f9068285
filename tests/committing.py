"""A git repository of articles, as tests use it."""

import os
import subprocess
from datetime import date
from pathlib import Path

#: Of every commit.
DAY = date(2026, 3, 2)


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody, without the settings of this machine."""
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in (("NAME", "Mia"), ("EMAIL", "m@example.org"), ("DATE", f"{DAY}T10:00:00"))}  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **who}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


def commit(folder: Path, message: str = "Change") -> None:
    """Commit everything below a folder."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
