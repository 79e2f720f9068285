"""DokuWiki from Debian as a peer: a copy of its own in a folder, with articles as pages, behind nginx and php-fpm."""

import http.client
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import load
from benchmarks.load import Page
from benchmarks.serving import START_LIMIT, Target, free_port
from portal.articles import Article

#: Where Debian has the wiki, and its configuration.
WIKI, CONFIGURED = Path("/usr/share/dokuwiki"), Path("/etc/dokuwiki")
#: Who runs it where root starts it; Debian always has this user.
USER = "www-data"
#: What a page of results has only where something was found.
FOUND = b"search_fullpage_result"
#: Folders that the wiki expects in its data.
_FOLDERS = ("attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta", "pages", "tmp")
#: What stays behind: a plugin for the wiki's own tests, which only root may read.
_TESTING = shutil.ignore_patterns(".htaccess*", "testing")
#: What of Debian's configuration stays behind: settings of the machine's own wiki, and names of people.
_OTHERS = shutil.ignore_patterns(".htaccess*", "local*.php", "*.auth.php", "plugins.local.php", "preload.php", "farm")

#: Readers only read, as those of the portal: what would offer them to edit a section costs the wiki a tenth more.
_LOCAL = """<?php
$conf['title'] = 'Help';
$conf['savedir'] = '{work}/data';
$conf['useacl'] = 0;
$conf['disableactions'] = 'edit';
$conf['updatecheck'] = 0;
$conf['send404'] = 1;
"""
_PHP = """[global]
error_log = {work}/php.log
daemonize = no
[wiki]
listen = {work}/php.sock
pm = static
pm.max_children = {children}
php_admin_value[opcache.enable] = 1
php_admin_value[session.save_path] = {work}/sessions
"""
_NGINX = """daemon off;
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

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*(?:\{[^}]*\})?\s*#*$")
_ITEM = re.compile(r"(\s*)([-*+]|\d+[.)])\s+(.*)$")
_RULE_OF_TABLE = re.compile(r"\|?[\s:|-]*-[\s:|-]*$")
#: Inline Markdown and what the wiki has for it, in this order.
_INLINE = (
    (re.compile(r"!\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\((?!https?:)([^):]+?)\.md[^)]*\)"), r"[[\2|\1]]"),
    (re.compile(r"\[([^\]]+)\]\(<?([^)\s>]+)[^)]*\)"), r"[[\2|\1]]"),
    (re.compile(r"`([^`]+)`"), r"''%%\1%%''"),
    (re.compile(r"(?<![*\w])\*(?![*\s])([^*]+)(?<!\s)\*(?![*\w])"), r"//\1//"),
    (re.compile(r"<(https?:[^>]+)>"), r"\1"),
    (re.compile(r"</?[a-z][a-z0-9]*(?:\s[^>]*)?/?>"), ""),
)


def missing() -> list[str]:
    """The Debian packages that are needed and not there."""
    needed = {
        "dokuwiki": WIKI.is_dir() and CONFIGURED.is_dir(),
        "php-cli": bool(shutil.which("php")),
        "php-fpm": bool(_php()),
        "php-xml": _has_xml(),
        "nginx-light": bool(_nginx()),
    }
    return [name for name, is_there in needed.items() if not is_there]


def version() -> str:
    """The wiki's release, as it names it."""
    return (WIKI / "VERSION").read_text(encoding="utf-8").strip()


def _php() -> str:
    """PHP's server, whose name has its version; empty where there is none."""
    return next((str(path) for path in sorted(Path("/usr/sbin").glob("php-fpm*"))), "")


def _nginx() -> str:
    """The program of the web server, which only the administrator's path may lead to; empty where there is none."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""


def _has_xml() -> bool:
    """Whether PHP reads XML, which the wiki needs."""
    if not shutil.which("php"):
        return False
    modules = subprocess.run(["php", "-m"], capture_output=True, text=True, check=False).stdout.split()
    return {"xml", "SimpleXML"} <= set(modules)


def wiki_text(markdown: str) -> str:
    """Markdown as the wiki writes it, roughly: headings, lists, tables, code, links, emphasis; other HTML is left out."""
    lines: list[str] = []
    is_code = False
    for line in markdown.splitlines():
        if line.lstrip().startswith("```"):
            lines.append("</code>" if is_code else "<code>")
            is_code = not is_code
        elif is_code:
            lines.append(line)
        elif not _RULE_OF_TABLE.match(line.strip()):
            lines.append(_line(line.expandtabs(4)))
    return "\n".join([*lines, *(["</code>"] if is_code else [])])


def _line(line: str) -> str:
    """One line outside code; what is not in a list begins at the margin, for the wiki takes the indented for code."""
    if heading := _HEADING.match(line):
        marks = "=" * max(7 - len(heading[1]), 2)
        return f"{marks} {heading[2]} {marks}"
    if item := _ITEM.match(line):
        depth = 1 + (len(item[1]) + 2) // 4
        return f"{'  ' * depth}{'-' if item[2][0].isdigit() else '*'} {_inline(item[3])}"
    return _inline(line.strip())


def _inline(text: str) -> str:
    """Links, code and emphasis of one line."""
    for pattern, instead in _INLINE:
        text = pattern.sub(instead, text)
    return text


def page_text(article: Article) -> str:
    """An article as a page of the wiki: its title, its summary and its text."""
    parts = [f"====== {article.title} ======", article.summary, wiki_text(article.body)]
    return "\n\n".join(part for part in parts if part) + "\n"


def configuration(work: Path, port: int, children: int) -> dict[str, str]:
    """What configures the wiki's servers, by name of its file in the folder.

    Args:
        work: folder that the wiki was installed into.
        port: that nginx listens on.
        children: processes of PHP.
    """
    return {
        "php.conf": _PHP.format(work=work, children=children),
        "nginx.conf": _NGINX.format(work=work, host=load.HOST, port=port),
    }


def _user() -> str | None:
    """Whom the wiki's processes belong to; None where it is whoever runs this."""
    return USER if os.geteuid() == 0 else None


def install(work: Path, articles: Iterable[Article]) -> None:
    """Copy the wiki and its configuration into a folder, write pages, and let it index them.

    Args:
        work: empty folder, whose owner becomes who runs the wiki.
        articles: one for each page.

    Raises:
        RuntimeError: it does not index them.
    """
    shutil.copytree(WIKI, work / "wiki", ignore=_TESTING)
    shutil.copytree(CONFIGURED, work / "wiki" / "conf", ignore=_OTHERS)
    # Debian's own leads to the folders of the machine's wiki.
    (work / "wiki" / "inc" / "preload.php").write_text("<?php\n", encoding="utf-8")
    (work / "wiki" / "conf" / "local.php").write_text(_LOCAL.format(work=work), encoding="utf-8")
    data = work / "data"
    for name in _FOLDERS:
        (data / name).mkdir(parents=True)
    (work / "sessions").mkdir()
    texts = {article.slug: page_text(article) for article in articles} | {"start": "====== Help ======\n"}
    for name, text in texts.items():
        (data / "pages" / f"{name}.txt").write_text(text, encoding="utf-8")
    if user := _user():
        for path in (work, *work.rglob("*")):
            shutil.chown(path, user, user)
    command = ["php", str(work / "wiki" / "bin" / "indexer.php"), "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, user=user, group=user)
    known = data / "index" / "page.idx"
    count = len(known.read_text(encoding="utf-8").splitlines()) if known.is_file() else 0
    if done.returncode or count < len(texts):
        said = f"{done.stdout[-500:]}{done.stderr[-500:]}"
        raise RuntimeError(f"the wiki has indexed {count} of {len(texts)} pages: {said}")


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block."""
    user = _user()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, user=user, group=user)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def running(work: Path, children: int) -> Iterator[Target]:
    """Run an installed wiki behind nginx until the end of the block.

    Args:
        work: folder that it was installed into.
        children: processes of PHP.

    Raises:
        RuntimeError: it does not answer.
    """
    port = free_port()
    for name, text in configuration(work, port, children).items():
        (work / name).write_text(text, encoding="utf-8")
    php = [_php(), "--nodaemonize", "--fpm-config", str(work / "php.conf")]
    nginx = [_nginx(), "-p", str(work), "-e", "stderr", "-c", str(work / "nginx.conf")]
    with ExitStack() as stack:
        behind = stack.enter_context(_running(php, work / "php.out"))
        first = stack.enter_context(_running(nginx, work / "nginx.out"))
        until = time.monotonic() + START_LIMIT
        while True:
            try:
                load.check(port, [Page("/doku.php")])
                break
            except (OSError, RuntimeError) as error:
                if time.monotonic() > until or first.poll() is not None or behind.poll() is not None:
                    raise RuntimeError(f"the wiki does not answer: {error}; {_said(work)}") from error
                time.sleep(0.1)
        yield Target(first.pid, port, (behind.pid,))


def _said(work: Path) -> str:
    """The last of what its servers said."""
    paths = (work / name for name in ("php.out", "php.log", "nginx.out", "nginx.log"))
    return " ".join(path.read_text(errors="replace")[-500:] for path in paths if path.is_file())


def answered(port: int, wanted: list[Page], mark: bytes) -> int:
    """How many pages have a mark.

    Args:
        port: of the server.
        wanted: pages that are asked for, each once.
        mark: what the server writes only where a search found something.
    """
    connection = http.client.HTTPConnection(load.HOST, port, timeout=60)
    try:
        count = 0
        for page in wanted:
            connection.request("GET", page.path)
            count += mark in connection.getresponse().read()
        return count
    finally:
        connection.close()
