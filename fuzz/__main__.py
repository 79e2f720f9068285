"""Runs targets for some seconds each with atheris, and says how much of the code they have reached."""
# What is fuzzed is imported in processes of its own, and what came of it is printed.
# ruff: noqa: S603, PLC0415, T201

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

#: How a run ends that has found nothing; others are libFuzzer's and atheris' own codes.
CLEAN = "0"


def reached(log: str) -> list[int]:
    """How many places of the code libFuzzer says that it has reached, in order."""
    return [int(found) for found in re.findall(r"^#\d+\s.*?\bcov: (\d+)", log, re.MULTILINE)]


def is_good(code: str, log: str) -> bool:
    """Whether a run has found nothing, and its figures are there and have not shrunk."""
    steps = reached(log)
    return code == CLEAN and len(steps) >= 2 and steps[-1] >= steps[0] > 0


def tell(folder: Path, seconds: int, keep: Path | None) -> bool:
    """Print what came of the run of a folder; whether it is good."""
    code = (folder / "exit").read_text()
    log = (folder / "log").read_text(errors="replace")
    steps = reached(log)
    first, last = (steps[0], steps[-1]) if steps else (0, 0)
    print(f"{folder.name}: reached {first} places with the seeds, {last} after {seconds} s; exit {code}", flush=True)
    if is_good(code, log):
        return True
    print("\n".join(log.splitlines()[-40:]))
    for found in folder.glob("found-*"):
        print(f"{found.name}: {found.read_bytes()[:2000]!r}")
        if keep:
            shutil.copy(found, keep)
    return False


def run(names: Sequence[str], seconds: int, keep: Path | None) -> bool:
    """Fuzz targets and print what came of each; whether all are good."""
    from fuzz.targets import SEEDS

    with tempfile.TemporaryDirectory() as place:
        runs, work = Path(place) / "runs", Path(place) / "work"
        work.mkdir()
        for name in names:
            # New inputs stay out of the repository; what was found is a seed only once a person has looked at it.
            shutil.copytree(SEEDS / name, runs / name / "corpus")
        options = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048", "-max_len=8192"]
        command = [sys.executable, "-m", "fuzz.engine", str(runs), *options]
        with (
            (work / "engine.log").open("w+b") as log,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | {"TMPDIR": str(work)}
            ) as engine,
        ):
            assert engine.stdout is not None
            came = [tell(runs / line.strip(), seconds, keep) for line in engine.stdout]
        if engine.returncode or len(came) != len(names):
            print((work / "engine.log").read_text(errors="replace")[-4000:])
            return False
        return all(came)


def main() -> int:
    """Fuzz what is asked for; 0 where nothing was found."""
    from fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all unless given")
    parser.add_argument("--seconds", type=int, default=5, help="for each target")
    parser.add_argument("--keep", type=Path, help="folder for what was found")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    return 0 if run(options.targets or list(TARGETS), options.seconds, options.keep) else 1


if __name__ == "__main__":
    sys.exit(main())
