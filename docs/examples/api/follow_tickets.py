"""Print what has changed on tickets since a moment, and from when to ask next: python follow_tickets.py 2026-11-01T00:00:00Z.

Needs the scope tickets:read.
"""

import os
import sys

import requests

API = f"{os.environ['PORTAL']}/api/v1"
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"

since = sys.argv[1]
query = {"updated_since": since, "kind": "request", "limit": 100}
while True:
    answer = session.get(f"{API}/tickets", params=query, timeout=10)
    answer.raise_for_status()
    page = answer.json()
    for ticket in page["items"]:
        print(f"#{ticket['number']} {ticket['status']}: {ticket['subject']}")
        since = ticket["updated"]
    if page["next"] is None:
        break
    query["cursor"] = page["next"]
print(f"next: {since}")
