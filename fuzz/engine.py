"""The process that libFuzzer steers: it counts which places of our code an input reaches."""
# Only what is imported within is measured.
# ruff: noqa: PLC0415

import sys

import atheris


def main() -> None:
    """Fuzz the target that the first argument names; the others are libFuzzer's."""
    with atheris.instrument_imports(include=["portal", "werkzeug.formparser", "werkzeug.sansio"]):
        from fuzz.targets import TARGETS
    target = TARGETS[sys.argv[1]]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
