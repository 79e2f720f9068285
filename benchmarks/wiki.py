"""What a page costs beside a help wiki: DokuWiki from Debian, with the same English articles, in the same run."""

import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import click

from benchmarks import corpus, load
from benchmarks.load import Page
from benchmarks.report import Cell, Row, ratio, show
from benchmarks.serving import PAGES, Target, free_port, servers
from portal.commands.progress import progress_bar
from portal.edition import Edition
from portal.search import Document
from portal.server import prepare, worker_count
from portal.settings import Settings

#: Searches that are asked for once, none of which has been asked before.
FIRST = 400
#: Searches that come before them, so that the processes have read what every search needs.
WARM_UP = 40
#: What those are called that are measured, and those that are not.
FIRST_TIME, WARMING = "search, first time", "(warm-up)"
#: Where Debian has the wiki, and its configuration.
WIKI, CONFIGURED = Path("/usr/share/dokuwiki"), Path("/etc/dokuwiki")
#: Processes of PHP for each of the portal's: they answer one request at a time.
PHP_PROCESSES = 2
#: What pages of results have only where something was found.
FOUND = {"portal": b'class="result"', "wiki": b"search_fullpage_result"}

_LOCAL = """<?php
$conf['title'] = 'Help';
$conf['savedir'] = '{data}';
$conf['useacl'] = 0;
$conf['updatecheck'] = 0;
"""
_PHP = """[global]
error_log = {work}/php.log
daemonize = no
[wiki]
listen = {work}/php.sock
listen.mode = 0666
{user}
pm = static
pm.max_children = {children}
"""
_NGINX = """daemon off;
{user}
worker_processes 2;
error_log {work}/nginx.log;
pid {work}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  access_log off;
  gzip on;
  keepalive_requests 1000000;
  include /etc/nginx/mime.types;
  client_body_temp_path {work}/body;
  fastcgi_temp_path {work}/fastcgi;
  proxy_temp_path {work}/proxy;
  scgi_temp_path {work}/scgi;
  uwsgi_temp_path {work}/uwsgi;
  server {{
    listen {host}:{port};
    root {work}/wiki;
    location / {{ try_files $uri =404; }}
    location ~ ^/doku\\.php {{
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root/doku.php;
      fastcgi_pass unix:{work}/php.sock;
    }}
  }}
}}
"""


def missing() -> list[str]:
    """The Debian packages that are needed and not there."""
    needed = {"dokuwiki": WIKI.is_dir(), "php-fpm": bool(_php()), "nginx-light": bool(shutil.which("nginx"))}
    return [name for name, is_there in needed.items() if not is_there]


def _php() -> str:
    """PHP's server, whose name has its version; empty where there is none."""
    return next((str(path) for path in sorted(Path("/usr/sbin").glob("php-fpm*"))), "")


def page_text(document: Document) -> str:
    """An article as a page of the wiki: its title, then its text, a paragraph for each block."""
    lines = [f"====== {document.title} ======", document.summary, *document.text.splitlines()]
    return "\n\n".join(lines) + "\n"


def _unreadable(folder: str, names: list[str]) -> list[str]:
    """What only the wiki's own user may read: names of people, which nobody needs here."""
    return [name for name in names if not os.access(Path(folder, name), os.R_OK)]


def install(work: Path, documents: list[Document]) -> None:
    """Copy the wiki and its configuration into a folder, write pages, and let it index them.

    Args:
        work: empty folder.
        documents: one for each page.

    Raises:
        RuntimeError: it does not index them.
    """
    shutil.copytree(WIKI, work / "wiki")
    shutil.copytree(CONFIGURED, work / "wiki" / "conf", ignore=_unreadable)
    (work / "wiki" / "inc" / "preload.php").write_text("<?php\n", encoding="utf-8")
    data = work / "data"
    for name in (
        "attic",
        "cache",
        "index",
        "locks",
        "log",
        "media",
        "media_attic",
        "media_meta",
        "meta",
        "pages",
        "tmp",
    ):
        (data / name).mkdir(parents=True)
    (work / "wiki" / "conf" / "local.php").write_text(_LOCAL.format(data=data), encoding="utf-8")
    for document in documents:
        (data / "pages" / f"{document.slug}.txt").write_text(page_text(document), encoding="utf-8")
    done = subprocess.run(
        ["php", work / "wiki" / "bin" / "indexer.php", "-q"], capture_output=True, text=True, check=False
    )
    if done.returncode or not any((data / "index").glob("w*.idx")):
        raise RuntimeError(f"the wiki has not indexed its pages: {done.stdout[-500:]}{done.stderr[-500:]}")


@contextmanager
def _running(command: list[str]) -> Iterator[int]:
    """Run a server until the end of the block; the number of its first process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def wiki(work: Path, children: int) -> Iterator[Target]:
    """Run an installed wiki behind nginx until the end of the block.

    Args:
        work: folder that it was installed into.
        children: processes of PHP.

    Raises:
        RuntimeError: it does not answer.
    """
    port, is_root = free_port(), os.geteuid() == 0
    as_root = "user = root\ngroup = root" if is_root else ""
    (work / "php.conf").write_text(_PHP.format(work=work, children=children, user=as_root), encoding="utf-8")
    nginx = _NGINX.format(work=work, host=load.HOST, port=port, user="user root;" if is_root else "")
    (work / "nginx.conf").write_text(nginx, encoding="utf-8")
    php = [_php(), "--fpm-config", str(work / "php.conf"), *(["--allow-to-run-as-root"] if is_root else [])]
    with ExitStack() as stack:
        behind = stack.enter_context(_running(php))
        first = stack.enter_context(_running(["nginx", "-p", str(work), "-c", str(work / "nginx.conf")]))
        until = time.monotonic() + 30
        while True:
            try:
                load.check(port, [Page("/doku.php")])
                break
            except (OSError, RuntimeError) as error:
                if time.monotonic() > until:
                    raise RuntimeError(f"the wiki does not answer: {error}") from error
                time.sleep(0.1)
        yield Target(first, port, (behind,))


def pages(edition: Edition, asked: corpus.Queries) -> dict[str, tuple[list[Page], list[Page]]]:
    """What is asked for, by kind of page: of the portal, and the same of the wiki."""
    chooser = random.Random(corpus.SEED)
    slugs = sorted(slug for language, slug in edition.knowledge.articles if language == "en")
    articles = chooser.sample(slugs, min(PAGES, len(slugs)))
    texts = sorted({text for (language, _), group in asked.items() if language == "en" for text in group})
    searches = chooser.sample(texts, min(WARM_UP + FIRST, len(texts)))
    ours = [Page(f"/en/search?q={quote(text)}") for text in searches]
    theirs = [Page(f"/doku.php?do=search&id=start&q={quote(text)}") for text in searches]
    some = min(WARM_UP, len(searches) // 2)
    return {
        "article": (
            [Page(f"/en/articles/{slug}") for slug in articles],
            [Page(f"/doku.php?id={slug}") for slug in articles],
        ),
        WARMING: (ours[:some], theirs[:some]),
        FIRST_TIME: (ours[some:], theirs[some:]),
    }


def answered(port: int, wanted: list[Page], mark: bytes) -> float:
    """The share of searches that find anything."""
    connection = http.client.HTTPConnection(load.HOST, port, timeout=60)
    count = 0
    for page in wanted:
        connection.request("GET", page.path)
        count += mark in connection.getresponse().read()
    connection.close()
    return count / len(wanted)


def _measured(
    asked: dict[str, tuple[list[Page], list[Page]]],
    targets: tuple[Target, Target, Target],
    generator: str,
    seconds: int,
    connections: int,
) -> list[Row]:
    """Ask three servers for each kind of page in turn: the one that says hello, the portal, the wiki."""
    hello, portal, peer = targets
    rows = []
    for kind, (ours, theirs) in asked.items():
        plain = hello.measure(generator, [Page("/")], seconds, connections)
        if kind == "article":
            both = [to.measure(generator, of, seconds, connections) for to, of in ((portal, ours), (peer, theirs))]
        else:
            both = [to.measure_first(of, connections) for to, of in ((portal, ours), (peer, theirs))]
        if kind != WARMING:
            rows.append(_row(kind, plain, *both))
    return rows


@click.command()
@corpus.articles_option
@click.option("--seconds", default=5, show_default=True, type=click.IntRange(1, 60), help="Length of a measurement.")
@click.option("--connections", default=8, show_default=True, type=click.IntRange(1, 256), help="Kept open at once.")
@click.option("--data", type=click.Path(path_type=Path), help="A prepared instance folder of the portal.")
@corpus.json_option
def main(given: Path | None, seconds: int, connections: int, data: Path | None, as_json: bool) -> None:
    """Measure the processor time of an article and of a search that nobody has asked before, beside DokuWiki's."""
    if lacking := missing():
        raise click.ClickException(f"Not installed: {', '.join(lacking)}.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # Servers are ended then, too.
    source = corpus.find(given)
    generator = load.available()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, ExitStack() as stack:
        work = Path(name)
        (work / "peer").mkdir()
        settings = replace(Settings(), articles=source.articles, data=data or work / "data")
        with progress_bar("Publishing") as progress:
            prepare(settings, progress)
        edition = corpus.open_edition(settings.data)
        documents = corpus.documents(edition)["en"]
        click.echo("The wiki indexes its pages.", err=True)
        install(work / "peer", documents)
        asked = pages(edition, corpus.queries(source, edition, WARM_UP + FIRST))
        portal, hello = stack.enter_context(servers(settings, work))
        peer = stack.enter_context(wiki(work / "peer", PHP_PROCESSES * worker_count(settings)))
        rows = _measured(asked, (hello, portal, peer), generator, seconds, connections)
        searches = asked[FIRST_TIME]
        found = {
            "portal": answered(portal.port, searches[0], FOUND["portal"]),
            "wiki": answered(peer.port, searches[1], FOUND["wiki"]),
        }
    version = (WIKI / "VERSION").read_text(encoding="utf-8").strip()
    facts: dict[str, Cell] = {
        "articles": str(source.articles),
        "wiki": f"DokuWiki {version}, {len(documents)} English articles",
        "portal": f"{len(edition.knowledge.articles)} articles",
        "load": f"{generator}, {connections} connections, {seconds} s; {len(searches[0])} searches by threads",
        "searches that find anything": f"portal {found['portal']:.0%}, wiki {found['wiki']:.0%}",
    }
    show("wiki", facts, rows, as_json=as_json)


def _row(
    page: str,
    hello: tuple[load.Throughput, float],
    portal: tuple[load.Throughput, float],
    peer: tuple[load.Throughput, float],
) -> Row:
    """One line of the table; of each server what came of it, and processor milliseconds of a request."""
    return {
        "page": page,
        "CPU ms": portal[1],
        "wiki CPU ms": peer[1],
        "ratio": ratio(portal[1], peer[1]),
        "hello CPU ms": hello[1],
        "requests/s": portal[0].per_second,
        "wiki requests/s": peer[0].per_second,
        "failed": portal[0].failed + peer[0].failed,
    }


if __name__ == "__main__":
    main()
