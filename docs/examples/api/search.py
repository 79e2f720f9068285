"""Search and print what was found: python search.py "printer offline" [language]."""

import os
import sys

import requests

query, language = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "en"
answer = requests.get(
    f"{os.environ['PORTAL']}/api/v1/search",
    params={"q": query, "language": language, "limit": 5},
    timeout=10,
)
answer.raise_for_status()
found = answer.json()

for repair in found["repairs"]:
    print(f"Searched for “{repair['text']}” ({repair['kind']}).")
for result in found["results"]:
    print(f"{result['title']}\n  {result['url']}")
for group in found["elsewhere"]:
    for result in group["results"]:
        print(f"[{group['language']}] {result['title']}\n  {result['url']}")
if found["gap"]:
    print(f"Nothing answers this yet; support has been told (#{found['gap']}).")
