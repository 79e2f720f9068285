"""Starts a command with settings that are kept in files: PORTAL_MAIL_URL_FILE=/run/secrets/x sets PORTAL_MAIL_URL.

Secrets in files are seen by nobody who lists processes or inspects the container.
"""

import os
import sys
from pathlib import Path

#: These are settings by themselves: the portal reads the file.
OWN = {"PORTAL_SECRET_KEY_FILE"}


def main() -> None:
    """Read the files, then become the command."""
    for name in sorted(os.environ):
        if not name.startswith("PORTAL_") or not name.endswith("_FILE") or name in OWN:
            continue
        try:
            value = Path(os.environ[name]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as error:
            sys.exit(f"entrypoint: the file {os.environ[name]} that {name} names cannot be read: {error}")
        del os.environ[name]
        os.environ[name.removesuffix("_FILE")] = value
    if len(sys.argv) < 2:
        sys.exit("entrypoint: say which command to run, such as: portal serve")
    try:
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - becoming the command is its purpose
    except OSError as error:
        sys.exit(f"entrypoint: {sys.argv[1]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main()
