"""Keep a copy of all articles: python copy_articles.py FOLDER. Only what has changed is read again."""

import json
import os
import pathlib
import sys
import time
from collections.abc import Iterator

import requests

API = f"{os.environ['PORTAL']}/api/v1"
folder = pathlib.Path(sys.argv[1])
session = requests.Session()
if os.environ.get("TOKEN"):  # With one, more may be read in a minute.
    session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"


def get(path: str, **query: object) -> requests.Response:
    """An answer of the API; waits where it was asked too often."""
    while True:
        answer = session.get(f"{API}/{path}", params=query, timeout=10)
        if answer.status_code != 429:
            answer.raise_for_status()
            return answer
        time.sleep(int(answer.headers["Retry-After"]))


def everything() -> Iterator[dict]:
    """All articles in all languages, without their texts."""
    query = {"limit": 100}
    while True:
        page = get("articles", **query).json()
        yield from page["items"]
        if page["next"] is None:
            return
        query["cursor"] = page["next"]


kept, read = set(), 0
for article in everything():
    path = folder / article["language"] / f"{article['slug']}.json"
    kept.add(path)
    if path.exists() and json.loads(path.read_text("utf-8"))["fingerprint"] == article["fingerprint"]:
        continue
    answer = get(f"articles/{article['language']}/{article['slug']}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(answer.text, "utf-8")
    read += 1
gone = [path for path in folder.glob("*/*.json") if path not in kept]
for path in gone:
    path.unlink()
print(f"{len(kept)} articles, {read} read, {len(gone)} removed")
