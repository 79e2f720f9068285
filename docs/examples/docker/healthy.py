"""Ends with 0 where the portal of this container can serve people, and with 1 and a reason where it cannot."""

import http.client
import os
import sys


def main() -> None:
    """Ask /readyz."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORTAL_PORT") or "8000"), timeout=4)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        text = answer.read(1000).decode(errors="replace")
    except OSError as error:
        sys.exit(f"no answer: {error}")
    if answer.status != 200:
        sys.exit(f"{answer.status}: {text}")


if __name__ == "__main__":
    main()
