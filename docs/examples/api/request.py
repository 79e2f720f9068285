"""Send a request, follow it and write to support: python request.py."""

import os
import sys
import time
import uuid

import requests

API = f"{os.environ['PORTAL']}/api/v1"
session = requests.Session()

request = {
    "name": "Ada Berg",
    "email": "ada@example.com",
    "subject": "Disk 8 is nearly full",
    "description": "97 per cent of /srv are used.",
    "language": "en",
}
# The same key with every attempt: whatever gets lost on the way, there is one request.
key = str(uuid.uuid4())
for _ in range(3):
    try:
        answer = session.post(f"{API}/requests", json=request, headers={"Idempotency-Key": key}, timeout=10)
        break
    except requests.ConnectionError:
        time.sleep(1)
else:
    sys.exit("The portal cannot be reached.")
if answer.status_code == 400:
    # What is wrong, field by field, in the language of the request.
    for error in answer.json()["errors"]:
        print(f"{error['field']}: {error['message']}")
answer.raise_for_status()
received = answer.json()
print(f"#{received['number']}: {received['status_text']}")

# Whoever has the token can read and answer: keep it like a password.
private = f"{API}/requests/{received['token']}"
session.post(f"{private}/replies", json={"text": "It is 99 per cent by now."}, timeout=10).raise_for_status()
for message in session.get(private, timeout=10).json()["messages"]:
    print(f"{message['at']} {message['name']}: {message['text']}")
