"""The proxies of the documentation: their files as the programs read them, and nginx before the real portal."""

import http.client
import re
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.balancing import until
from tests.needs import REPOSITORY
from tests.serving import Server, free_port
from tests.test_deploy import DOCKER, PROXIES, program, run
from tests.test_failures import Start

HOST = "help.example.org"
SEVERAL = REPOSITORY / "docs" / "examples" / "nginx" / "portal.conf"
#: What distributions write around the example; it must not hold for pages.
PACKING = "gzip on; gzip_proxied any; gzip_min_length 1; gzip_types text/css;"


class Nginx:
    """An nginx of our own with the example's file, on ports and in a folder of the test.

    Args:
        folder: of everything that it writes.
        ports: of the portals behind it.
    """

    def __init__(self, folder: Path, ports: tuple[int, int]) -> None:
        self.program, self.folder = program("nginx", "nginx-light"), folder
        self.port, self.plain = free_port(), free_port()
        folder.mkdir()
        certificate(folder)
        text = (PROXIES / "nginx.conf").read_text()
        for old, new in [
            ("127.0.0.1:8000", f"127.0.0.1:{ports[0]}"),
            ("127.0.0.1:8001", f"127.0.0.1:{ports[1]}"),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
            ("/etc/ssl/help.example.org", f"{folder}/certificate"),
            ("/var/log/nginx/", f"{folder}/"),
        ]:
            assert old in text, old
            text = text.replace(old, new)
        paths = "".join(
            f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        head = f"daemon off; pid {folder}/pid; error_log {folder}/start.log; worker_processes 1; user root;"
        (folder / "nginx.conf").write_text(f"{head} events {{}} http {{ {paths}\n{PACKING}\n{text}\n}}\n")
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *more: str) -> list[str]:
        """The arguments of a call."""
        return [self.program, "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder), *more]

    def start(self) -> None:
        """Start it; it answers at once, for it listens before it forks."""
        self.process = subprocess.Popen(self.command(), stderr=subprocess.DEVNULL)
        while not (self.folder / "pid").exists() and self.process.poll() is None:
            pass

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, str, http.client.HTTPResponse]:
        """Status, text and the answer itself."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
        try:
            connection.request(
                method, path, body, {"Host": HOST} | {k.replace("_", "-"): v for k, v in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer
        finally:
            connection.close()

    def head(self, path: str, headers: dict[str, str]) -> http.client.HTTPMessage:
        """The headers of an answer, whose body may be packed."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
        try:
            connection.request("GET", path, headers={"Host": HOST} | headers)
            return connection.getresponse().headers
        finally:
            connection.close()

    def stop(self) -> None:
        """End it."""
        if self.process:
            self.process.terminate()
            self.process.wait(60)


def plainly(port: int, path: str) -> tuple[int, str]:
    """Status and where it leads, without encryption."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": HOST, "Authorization": "Bearer secret"})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location", "")
    finally:
        connection.close()


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def certificate(folder: Path) -> None:
    """A certificate of nobody, for the test."""
    made = ["-keyout", str(folder / "certificate.key"), "-out", str(folder / "certificate.pem")]
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    done = run(program("openssl", "openssl"), "req", *options, "-subj", f"/CN={HOST}", *made)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Nginx]:
    """nginx before two ports where portals may be."""
    made = Nginx(tmp_path / "nginx", (free_port(), free_port()))
    made.start()
    yield made
    made.stop()


def portal_behind(proxy: Nginx, serve: Start, articles: Path, data: Path, which: int, **more: str) -> Server:
    """A portal at one of the proxy's two entries."""
    text = (proxy.folder / "nginx.conf").read_text()
    port = int(re.findall(r"server 127\.0\.0\.1:(\d+) max_fails", text)[which])
    told = {
        "PORTAL_BASE_URL": f"https://{HOST}",
        "PORTAL_TRUSTED_HOSTS": f"{HOST},127.0.0.1",
        "PORTAL_PROXY_COUNT": "1",
        "PORTAL_WORKERS": "1",
    }
    return serve(data=data, articles=articles, port=port, **told | more)


@pytest.mark.server
def test_nginx_says_the_truth_about_readers(proxied: Nginx, serve: Start, library_folder: Path, tmp_path: Path) -> None:
    """Address, scheme and host as the portal sees them; forged headers, large bodies, figures and logs."""
    server = portal_behind(
        proxied, serve, library_folder, tmp_path / "var", 0, PORTAL_API_PER_MINUTE="3", PORTAL_LOG_FORMAT="json"
    ).start()

    page = proxied.ask("GET", "/en/")
    # Whatever a client says of its address, it is one address for the limits.
    shares = [
        proxied.ask("GET", "/api/v1/search?q=vpn&language=en", X_Forwarded_For=f"198.51.100.{n}")[0] for n in range(5)
    ]
    forged = proxied.ask("GET", "/sitemap.xml", X_Forwarded_Host="evil.example", X_Forwarded_Proto="gopher")
    large = proxied.ask("POST", "/en/requests/new", b"x" * 1_100_000)
    figures = proxied.ask("GET", "/metrics")
    proxied.ask("GET", "/en/search?q=zyxomat")
    proxied.ask("GET", "/en/requests/very-private-token")
    number = page[2].headers["X-Request-Id"]
    packed = {"Accept-Encoding": "gzip, br"}
    style = re.findall(r'"(/static/[^"]+[.]css[^"]*)"', page[1])[0]

    assert page[0] == 200
    assert page[2].headers["Strict-Transport-Security"]
    assert "Content-Encoding" not in proxied.head("/en/sign-in", packed)
    assert proxied.head(style, packed)["Content-Encoding"] in {"gzip", "br"}
    assert plainly(proxied.plain, "/api/v1/search?q=vpn&language=en") == (403, "")
    assert plainly(proxied.plain, "/en/search?q=a%20b") == (308, f"https://{HOST}/en/search?q=a%20b")
    assert shares.count(429) == 2
    assert "evil.example" not in forged[1]
    assert f"https://{HOST}/" in forged[1]
    assert large[0] == 413
    assert figures[0] == 404
    assert "<center>nginx" in figures[1]
    assert number in (proxied.folder / "portal.log").read_text()
    assert number in server.log.read_text()
    log = (proxied.folder / "portal.log").read_text()
    assert "zyxomat" not in log
    assert "very-private-token" not in log
    assert "/-/requests/-" in log


@pytest.mark.server
def test_an_upgrade_without_a_pause(proxied: Nginx, serve: Start, library_folder: Path, tmp_path: Path) -> None:
    """As documented: green starts beside blue on the same database, blue ends; readers notice nothing."""
    common = {"PORTAL_DATABASE_URL": f"sqlite:///{tmp_path / 'portal.db'}"}
    key = tmp_path / "secret.key"
    key.write_bytes(b"k" * 64)
    common["PORTAL_SECRET_KEY_FILE"] = str(key)
    blue = portal_behind(proxied, serve, library_folder, tmp_path / "blue", 0, **common).start()
    green = portal_behind(proxied, serve, library_folder, tmp_path / "green", 1, **common)
    is_over, statuses = threading.Event(), []

    def read() -> None:
        while not is_over.is_set():
            statuses.append(proxied.ask("GET", "/en/search?q=forgotten+password")[0])

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        green.start()
        blue.signal(signal.SIGTERM)
        code = blue.wait()
        during = len(statuses)
        while len(statuses) < during + 20:
            assert any(reader.is_alive() for reader in readers)
    finally:
        is_over.set()
        for reader in readers:
            reader.join()

    assert code == 0
    assert len(statuses) > 20
    assert set(statuses) == {200}


@pytest.mark.parametrize(
    ("example", "versions", "refusal", "unpacked"),
    [
        (PROXIES / "nginx.conf", "ssl_protocols TLSv1.2 TLSv1.3;", "location /api/ { return 403; }", "gzip off;"),
        (SEVERAL, "ssl_protocols TLSv1.2 TLSv1.3;", "location /api/ { return 403; }", "gzip off;"),
        (DOCKER / "nginx.conf", "ssl_protocols TLSv1.2 TLSv1.3;", "location /api/ { return 403; }", "gzip off;"),
        (PROXIES / "Caddyfile", "protocols tls1.2 tls1.3", "handle /api/* {\n\t\trespond 403", "reverse_proxy"),
        (
            PROXIES / "apache.conf",
            "SSLProtocol -all +TLSv1.2 +TLSv1.3",
            'RedirectMatch 403 "^/api/"',
            "SetEnv no-gzip 1",
        ),
    ],
)
def test_every_example_encrypts_refuses_and_does_not_pack(
    example: Path, versions: str, refusal: str, unpacked: str
) -> None:
    """TLS 1.2 and 1.3 only, no redirect for programs, pages as they are; no machine is remembered as dead."""
    told = "\n".join(line for line in example.read_text().splitlines() if not line.strip().startswith("#"))

    assert [each for each in (versions, refusal, unpacked) if each not in told] == []
    assert "encode" not in told.lower().replace("allowencodedslashes", "")
    servers = re.findall(r"^ +server \S+ (.*);$", told, re.MULTILINE)
    assert set(servers) <= {"max_fails=0"}
    assert len(servers) == {"nginx.conf": 2, "portal.conf": 3}.get(example.name, 0) * (example.parent != DOCKER)


def test_apache_answers_port_80_as_nginx_does(tmp_path: Path) -> None:
    """Programs are refused, readers are led on with what they asked."""
    apache, port = program("apache2", "apache2"), free_port()
    plain = (PROXIES / "apache.conf").read_text().partition("\n<VirtualHost *:443>")[0].replace("*:80", f"*:{port}")
    names = ("mpm_event", "authz_core", "alias")
    modules = "".join(f"LoadModule {n}_module /usr/lib/apache2/modules/mod_{n}.so\n" for n in names)
    head = f"ServerRoot {tmp_path}\nPidFile {tmp_path}/pid\nErrorLog {tmp_path}/log\nListen 127.0.0.1:{port}\n"
    (tmp_path / "apache.conf").write_text(f"{head}ServerName {HOST}\nDefaultRuntimeDir {tmp_path}\n{modules}\n{plain}")
    process = subprocess.Popen([apache, "-D", "FOREGROUND", "-f", str(tmp_path / "apache.conf")])
    try:
        until(lambda: listens(port), "Apache did not start")
        assert plainly(port, "/api/v1/search?q=vpn") == (403, "")
        assert plainly(port, "/en/search?q=a%20b") == (308, f"https://{HOST}/en/search?q=a%20b")
    finally:
        process.terminate()
        process.wait(60)


def test_caddy_reads_its_file() -> None:
    """Complete and in Caddy's own form."""
    caddy = program("caddy", "caddy")

    done = run(caddy, "validate", "--adapter", "caddyfile", "--config", str(PROXIES / "Caddyfile"))

    assert done.returncode == 0, done.stderr
    assert run(caddy, "fmt", str(PROXIES / "Caddyfile")).stdout == (PROXIES / "Caddyfile").read_text()


def test_apache_reads_its_file(tmp_path: Path) -> None:
    """With the modules that its head names, and no other."""
    apache = program("apache2", "apache2")
    certificate(tmp_path)
    text = (PROXIES / "apache.conf").read_text()
    wanted = re.search(r"a2enmod ([a-z_ ]+) ", text.replace(";", " ;"))
    assert wanted
    names = ["mpm_event", "authz_core", "log_config", "socache_shmcb", *wanted[1].split()]
    built_in = {"log_config"}
    modules = "".join(
        f"LoadModule {n}_module /usr/lib/apache2/modules/mod_{n}.so\n" for n in names if n not in built_in
    )
    text = text.replace("/etc/ssl/help.example.org", f"{tmp_path}/certificate").replace(
        "${APACHE_LOG_DIR}", str(tmp_path)
    )
    (tmp_path / "apache.conf").write_text(
        f"ServerRoot {tmp_path}\nErrorLog {tmp_path}/log\nServerName {HOST}\n{modules}\n{text}"
    )

    done = run(apache, "-t", "-f", str(tmp_path / "apache.conf"))

    assert "Syntax OK" in done.stderr, done.stderr


def test_nginx_of_the_composition_is_read(tmp_path: Path) -> None:
    """The file that compose.yaml mounts."""
    certificate(tmp_path)
    text = (DOCKER / "nginx.conf").read_text().replace("/etc/nginx/certificates/portal", f"{tmp_path}/certificate")
    text = text.replace("/dev/stdout", f"{tmp_path}/log").replace("/dev/stderr", f"{tmp_path}/errors")
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ {text} }}")

    done = run(program("nginx", "nginx-light"), "-t", "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path))

    assert done.returncode == 0, done.stderr
