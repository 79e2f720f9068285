"""Runs one target for some seconds with atheris, and says how much of the code it has reached."""
# What is fuzzed is imported in a process of its own, and what came of it is printed.
# ruff: noqa: S603, PLC0415, T201

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

#: How a fault ends: libFuzzer's and atheris' own codes.
CLEAN = 0


def reached(log: str) -> list[int]:
    """How many places of the code libFuzzer says that it has reached, in order."""
    return [int(found) for found in re.findall(r"^#\d+\s.*?\bcov: (\d+)", log, re.MULTILINE)]


def fuzz(name: str, seconds: int, corpus: Path) -> tuple[int, str]:
    """Run a target in a process of its own; its exit code and what it said."""
    command = [sys.executable, "-m", "fuzz.engine", name, str(corpus), f"-max_total_time={seconds}", "-timeout=20"]
    done = subprocess.run(
        [*command, "-rss_limit_mb=2048", "-max_len=8192", f"-artifact_prefix={corpus.parent}/found-"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + 300,
        check=False,
    )
    return done.returncode, done.stderr + done.stdout


def run(name: str, seconds: int, keep: Path | None) -> bool:
    """Fuzz a target, print what came of it; whether nothing was found and the coverage has not shrunk."""
    from fuzz.targets import SEEDS

    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        # New inputs stay out of the repository; what was found is a seed only once a person has looked at it.
        shutil.copytree(SEEDS / name, corpus)
        code, log = fuzz(name, seconds, corpus)
        steps = reached(log)
        is_good = code == CLEAN and len(steps) >= 2 and steps[-1] >= steps[0] > 0
        first, last = (steps[0], steps[-1]) if steps else (0, 0)
        print(f"{name}: reached {first} places with the seeds, {last} after {seconds} s; exit {code}")
        if not is_good:
            print("\n".join(log.splitlines()[-40:]))
            for found in Path(folder).glob("found-*"):
                print(f"{found.name}: {found.read_bytes()[:2000]!r}")
                if keep:
                    shutil.copy(found, keep)
        return is_good


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
    # Each is a process of its own.
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as together:
        came = list(together.map(lambda name: run(name, options.seconds, options.keep), options.targets or TARGETS))
    return 0 if all(came) else 1


if __name__ == "__main__":
    sys.exit(main())
