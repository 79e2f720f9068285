"""Take a ticket and reply to its requester, unless somebody else is at it: python answer_ticket.py 42 "Done."

Needs the scopes tickets:read and tickets:write.
"""

import os
import sys

import requests

number, text = sys.argv[1], sys.argv[2]
ticket = f"{os.environ['PORTAL']}/api/v1/tickets/{number}"
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"


def act(**action: object) -> dict:
    """Do something to the ticket; the ticket afterwards."""
    answer = session.post(f"{ticket}/actions", json=action, timeout=10)
    if answer.status_code == 409:
        problem = answer.json()
        sys.exit(f"{problem['title']}: {problem['detail']}")
    answer.raise_for_status()
    return answer.json()


now = session.get(ticket, timeout=10).json()
if "take" in now["actions"]:
    now = act(action="take", version=now["version"])
now = act(action="reply", text=text, version=now["version"])
print(f"#{now['number']} {now['status']}, {now['owner']['name']}: {now['history'][-1]['text']}")
