"""What is deployed: systemd units, images, proxies and the upgrade without a pause, as far as each can be tried here."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.needs import REPOSITORY, missing
from tests.test_failures import Start

EXAMPLES = REPOSITORY / "docs" / "examples"
SYSTEMD, DOCKER, PROXIES = (EXAMPLES / name for name in ("systemd", "docker", "proxies"))
UNITS = sorted(path.name for path in SYSTEMD.glob("*.service"))


def program(name: str, package: str) -> str:
    """The path of a program that the test needs."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    return found or missing(name, f"apt-get install {package}")


def run(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program and wait for it."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.mark.parametrize("unit", UNITS)
def test_units_let_the_portal_do_little(unit: str) -> None:
    """Below 2.0 of 10; and without systemd's ways of hiding a line that it does not understand."""
    analyze = program("systemd-analyze", "systemd")

    done = run(analyze, "security", "--offline=true", "--no-pager", "--threshold=20", str(SYSTEMD / unit))

    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert level
    assert float(level[1]) <= 2.0


def test_units_are_what_systemd_understands(tmp_path: Path) -> None:
    """No unknown line, no missing unit; the programs are where the documentation puts them."""
    analyze = program("systemd-analyze", "systemd")
    commands = set()
    for path in SYSTEMD.glob("portal*.*"):
        text = path.read_text()
        commands |= {line.split()[1] for line in re.findall(r"^ExecStart=/opt/portal/\S+ .*", text, re.MULTILINE)}
        # Nobody has installed the portal here: another program stands for it.
        text = re.sub(r"/opt/portal/(?:\.venv|%i)/bin/portal", "/bin/true", text)
        (tmp_path / path.name.replace("portal@.", "portal@blue.")).write_text(text)

    names = [str(path) for path in sorted(tmp_path.glob("*")) if path.suffix in {".service", ".timer"}]
    done = run(analyze, "verify", "--man=no", *[name for name in names if "failed@" not in name])

    ours = [line for line in done.stderr.splitlines() if "portal" in line]
    assert ours == []
    assert commands == {"serve", "tick", "backup"}
    assert len(names) == 7


def test_the_documented_variables_are_settings() -> None:
    """Those of the examples, too."""
    from dataclasses import fields  # noqa: PLC0415

    from portal.settings import PREFIX, Settings  # noqa: PLC0415

    known = {PREFIX + item.name.upper() for item in fields(Settings)}
    files = [*SYSTEMD.iterdir(), *DOCKER.iterdir(), *PROXIES.iterdir()]
    named = {name for path in files for name in re.findall(r"PORTAL_[A-Z_]+[A-Z]", path.read_text())}

    assert {name.removesuffix("_FILE") if name not in known else name for name in named} - known <= {"PORTAL_X"}


def test_memory_is_never_writable_and_executable(serve: Start, library_folder: Path) -> None:
    """The restriction of the units on the real server: start, search, background work, end."""
    code = (
        "import ctypes, os, sys; from ctypes import CDLL; "
        "sys.exit(77) if CDLL(None).prctl(65, 1, 0, 0, 0) else os.execv(sys.argv[1], sys.argv[1:])"
    )
    if run(sys.executable, "-c", code, "/bin/true").returncode == 77:
        pytest.skip("This kernel (before 6.3) cannot forbid a process to make memory executable")
    server = serve(articles=library_folder, PORTAL_WORKERS="1")
    real = subprocess.Popen

    def restricted(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        return real([sys.executable, "-c", code, *command], **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.serving.subprocess.Popen", restricted)
        server.start()

    assert "reset-password" in server.get("/en/search?q=forgotten+password")[1]
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def stages() -> list[list[str]]:
    """The Dockerfile's instructions with their continuations, by stage."""
    text = re.sub(r"\\\n\s*", " ", (DOCKER / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found: list[list[str]] = []
    for line in lines:
        if line.startswith("FROM "):
            found.append([])
        found[-1].append(line)
    return found


def test_the_image_is_made_of_what_is_there() -> None:
    """Each source is in the repository and goes to the builder; pinned by hashes; not as root at the end."""
    build, final = stages()
    allowed = {line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = [line.split()[1:-1] for stage in (build, final) for line in stage if line.startswith("COPY ")]
    sources = [name for names in copied for name in names if not name.startswith("--") and not name.startswith("/")]

    assert len(sources) >= 8
    assert [name for name in sources if not (REPOSITORY / name).exists()] == []
    assert [name for name in sources if not any(name == ok or name.startswith(f"{ok}/") for ok in allowed)] == []
    assert any("--require-hashes -r requirements.lock" in line for line in build)
    users = [line.split()[1] for line in final if line.startswith("USER ")]
    assert users == ["10001:10001"]
    assert not any(re.search(r":latest|^FROM [^:]+$|\bADD\b|--privileged|curl|wget", line) for line in build + final)
    assert [line for line in final if line.startswith("CMD ")] == ['CMD ["portal", "serve"]']
    assert [line for line in final if line.startswith(("ENTRYPOINT", "HEALTHCHECK"))]


def test_the_entry_point_reads_secrets_from_files(tmp_path: Path) -> None:
    """A file becomes the setting, the command becomes the process; what is missing is told without the content."""
    (tmp_path / "mail").write_text("smtp://me:hunter2@mail.example.org\n")
    entry = [sys.executable, str(DOCKER / "entrypoint.py")]
    told = {**os.environ, "PORTAL_MAIL_URL_FILE": str(tmp_path / "mail"), "PORTAL_SECRET_KEY_FILE": "/run/secrets/k"}
    show = "import os; print(*sorted(f'{k}={v}' for k, v in os.environ.items() if k.startswith('PORTAL_')))"

    good = run(*entry, sys.executable, "-c", show, env=told)
    bad = run(*entry, "true", env=told | {"PORTAL_MAIL_URL_FILE": "/nowhere"})

    assert good.stdout.split() == [
        "PORTAL_MAIL_URL=smtp://me:hunter2@mail.example.org",
        "PORTAL_SECRET_KEY_FILE=/run/secrets/k",
    ]
    assert (bad.returncode, "PORTAL_MAIL_URL_FILE names cannot be read" in bad.stderr) == (1, True)
    assert (
        run(*entry, "/nowhere/portal").stderr
        == "entrypoint: /nowhere/portal cannot be run: No such file or directory\n"
    )


def test_the_health_check_knows_a_real_server(serve: Start, library_folder: Path) -> None:
    """0 while people can be served, 1 with a reason when nobody answers."""
    server = serve(articles=library_folder, PORTAL_WORKERS="1").start()
    check = [sys.executable, str(DOCKER / "healthy.py")]
    environment = {**os.environ, "PORTAL_PORT": str(server.port)}

    well = run(*check, env=environment)
    server.kill()
    gone = run(*check, env=environment)

    assert (well.returncode, well.stderr) == (0, "")
    assert (gone.returncode, gone.stderr[:11]) == (1, "no answer: ")


def test_the_composition_publishes_the_proxy_alone() -> None:
    """Services, health, secrets in files, nothing writable, commands that exist."""
    from portal.cli import main  # noqa: PLC0415

    text = (DOCKER / "compose.yaml").read_text()
    made = yaml.safe_load(text)
    services = made["services"]

    assert set(services) == {"portal", "worker", "backup", "database", "redis", "proxy"}
    assert [name for name, service in services.items() if service.get("ports")] == ["proxy"]
    assert services["database"]["networks"] == ["inside"]
    assert made["networks"]["inside"]["internal"] is True
    for name in ("portal", "worker", "backup"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
        assert not any("PASSWORD" in key or "@" in str(value) for key, value in services[name]["environment"].items())
    used = {secret for service in services.values() for secret in service.get("secrets", [])}
    assert used == set(made["secrets"])
    assert all(set(one) == {"file"} for one in made["secrets"].values())
    assert all("healthcheck" in services[name] for name in ("database", "redis", "proxy"))
    waited = {name for service in services.values() for name in service.get("depends_on", {})}
    assert waited <= set(services)
    assert {"tick", "backup", "staff"} <= set(main.commands)
    # `exec` does not go through the entry point: the command would make a database of its own in the volume.
    assert "docker compose run --rm portal portal staff" in text
    assert not re.search(r"exec \S+ portal", text)
    volumes = {
        item.partition(":")[0]
        for service in services.values()
        for item in service.get("volumes", [])
        if item[0] not in "./$"
    }
    assert volumes == set(made["volumes"])


def test_a_shell_reads_the_settings_as_systemd_does(tmp_path: Path) -> None:
    """Commands get the server's settings so; an address with `&` that is cut off would name another database."""
    page = (REPOSITORY / "docs" / "operating.md").read_text()
    lines = (SYSTEMD / "portal.env.example").read_text().replace("# PORTAL_", "PORTAL_").splitlines()
    lines += [line.strip() for line in page.splitlines() if line.startswith("    PORTAL_")]
    given = dict(line.split("=", 1) for line in lines if line.startswith("PORTAL_"))
    assert any("&" in value for value in given.values())
    for name, value in given.items():
        (tmp_path / "portal.env").write_text(f"{name}={value}\n")
        read = run("sh", "-c", f"set -a; . {tmp_path / 'portal.env'}; exec printenv {name}")
        assert read.stdout == value.strip("'") + "\n"
