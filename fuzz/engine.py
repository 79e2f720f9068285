"""The process that libFuzzer steers: it counts which places of our code an input reaches."""
# Only what is imported within is measured.
# ruff: noqa: PLC0415

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris

Target = Callable[[bytes], None]


def main() -> None:
    """Fuzz each target in a copy of this process, as many at once as there are cores; print its name when it ends.

    What all of them import is read and measured once. The arguments: a folder that has one for each target, with its
    `corpus` and room for its `log` and its `exit` code; and libFuzzer's own options.
    """
    with atheris.instrument_imports(include=["portal", "werkzeug.formparser", "werkzeug.sansio"]):
        from fuzz.targets import TARGETS
    folders = sorted(Path(sys.argv[1]).iterdir())
    running: dict[int, Path] = {}
    while folders or running:
        while folders and len(running) < len(os.sched_getaffinity(0)):
            folder = folders.pop(0)
            running[_started(folder, TARGETS)] = folder
        process, status = os.wait()
        folder = running.pop(process)
        (folder / "exit").write_text(str(os.waitstatus_to_exitcode(status)))
        print(folder.name, flush=True)  # noqa: T201


def _started(folder: Path, targets: Mapping[str, Target]) -> int:
    """The process that fuzzes the target of a folder."""
    process = os.fork()
    if process:
        return process
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        options = [*sys.argv[2:], f"-artifact_prefix={folder}/found-"]
        atheris.Setup([sys.argv[0], str(folder / "corpus"), *options], targets[folder.name])
        atheris.Fuzz()
    finally:
        os._exit(1)  # libFuzzer ends the process itself.


if __name__ == "__main__":
    main()
