"""Makes `portal/common_passwords.bin` of a list of passwords, one a line, the most used first; see NOTICE for its source."""
# What was made is printed.
# ruff: noqa: T201, INP001

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from portal.passwords import PREFIX
from portal.people import PASSWORD_LENGTH

TARGET = Path(__file__).resolve().parent.parent / "portal" / "common_passwords.bin"


def packed(passwords: Iterable[str]) -> bytes:
    """Beginnings of the hashes of those that are long enough to be allowed, in order; the same list gives the same bytes."""
    known = {password.lower() for password in passwords if len(password) >= PASSWORD_LENGTH}
    return b"".join(sorted({hashlib.sha256(password.encode()).digest()[:PREFIX] for password in known}))


def main() -> int:
    """Make the file of the list that is named."""
    if len(sys.argv) != 2:
        print("python .ci/common_passwords.py LIST", file=sys.stderr)
        return 2
    lines = Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace").split("\n")
    TARGET.write_bytes(packed(line.rstrip("\r") for line in lines))
    print(f"{TARGET}: {TARGET.stat().st_size // PREFIX} passwords")
    return 0


if __name__ == "__main__":
    sys.exit(main())
