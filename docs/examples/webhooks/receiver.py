"""A receiver of webhooks: checks each message and prints it; the standard library alone.

Start it with `WEBHOOK_SECRET=whsec_… python receiver.py 9000`.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

#: Messages that are older or newer than this are somebody's who has recorded one, in seconds.
TOLERANCE = 300
#: Messages are small; whoever sends more is somebody else.
MOST = 64 * 1024


def is_genuine(secret: str, headers: dict[str, str], body: bytes, now: float) -> bool:
    """Whether a message comes from the portal, as it was sent, and just now.

    Args:
        secret: as Administration → Webhooks shows it.
        headers: of the request, names in lower case.
        body: the bytes as they came; JSON that was read and written again has another signature.
        now: seconds since 1970.
    """
    try:
        message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        is_fresh = abs(now - int(timestamp)) <= TOLERANCE
        key = base64.b64decode(secret.removeprefix("whsec_"))
    except (KeyError, ValueError):
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # There are two for a day after the secret has been changed; comparing must take the same time whatever is right.
    given = headers.get("webhook-signature", "").split(" ")
    return is_fresh and any(hmac.compare_digest(wanted.encode(), each.encode()) for each in given)


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what is genuine, at once; work that takes longer belongs into a queue."""

    secret = ""
    #: A message may come twice; a real receiver keeps these ids for some days.
    seen: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        """Take a message."""
        length = self.headers.get("Content-Length", "")
        body = self.rfile.read(int(length)) if length.isdigit() and int(length) <= MOST else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not is_genuine(self.secret, headers, body, time.time()):
            self.answer(400)
            return
        message = json.loads(body)
        if message["id"] not in self.seen:
            self.seen.add(message["id"])
            print(message["type"], json.dumps(message["data"], ensure_ascii=False), flush=True)
        self.answer(204)

    def answer(self, status: int) -> None:
        """Answer without a text."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


if __name__ == "__main__":
    Receiver.secret = os.environ["WEBHOOK_SECRET"]
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
