"""Audits of a release: each says clean, found, or could not look; the last is never taken for the first."""
# A script beside no package; it runs tools of its own environment, which may be missing.
# ruff: noqa: INP001, S603, PLC0415

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
BASELINE = ROOT / ".ci" / "secrets.baseline"
#: A version with advisories of many years: a service that knows nothing against it has not been asked, or does not know.
CANARY = "jinja2==2.4.1"
#: What dependencies may be licensed under; none asks more of us than its text and name.
LICENCES = frozenset(
    "0BSD Apache-2.0 Artistic-1.0 BSD-2-Clause BSD-3-Clause BSD-3-Clause-Clear CC0-1.0 ISC LGPL-2.1-or-later LGPL-3.0-only"
    " LGPL-3.0-or-later MIT MIT-0 MIT-CMU MPL-2.0 PSF-2.0 Python-2.0 Unlicense ZPL-2.1 Zlib".split()
)
#: Licences of packages that do not name them as SPDX does, read in their own texts.
READ = {
    "Apache Software License": "Apache-2.0", "BSD License": "BSD-3-Clause", "MIT License": "MIT", "MIT License (MIT)": "MIT", "BSD": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "Apache License 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0", "Apache License, Version 2.0": "Apache-2.0", "Apache 2": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0", "PSF": "PSF-2.0", "The Unlicense (Unlicense)": "Unlicense",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only", "LGPL-3.0-only": "LGPL-3.0-only",
    "BSD-3-Clause or Apache-2.0": "BSD-3-Clause", "Two-clause BSD license": "BSD-2-Clause",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-3.0-only", "BSD 3-Clause": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause", "3-Clause BSD License": "BSD-3-Clause", "Apache License": "Apache-2.0",
    "Artistic License": "Artistic-1.0", "Modified BSD License": "BSD-3-Clause", "Dual License": "Apache-2.0",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
}  # fmt: skip
#: Seconds for one look.
PATIENCE = 600


class Came(IntEnum):
    """What an audit came to; the exit code."""

    CLEAN = 0
    FOUND = 1
    BLIND = 3


class CouldNotLook(Exception):
    """An audit was not made; the message says why."""


def locked(lock: Path = LOCK) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The version and the hashes of every locked package, by name.

    Raises:
        CouldNotLook: the file names none, or one without a hash.
    """
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock.read_text(encoding="utf-8")):
        if head := re.match(r"([A-Za-z0-9][\w.-]*)(?:\[[\w,-]+\])?==([^\s;]+)", block):
            hashes = tuple(sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", block)))
            if not hashes:
                raise CouldNotLook(f"{head[1]} has no hash in {lock.name}")
            found[canonical(head[1])] = head[2], hashes
    if not found:
        raise CouldNotLook(f"{lock.name} names no package")
    return found


def canonical(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def run(*command: str, allowed: Sequence[int] = (0,)) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment.

    Raises:
        CouldNotLook: it is not there, takes too long, or ends as it should not.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", *command], capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=ROOT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CouldNotLook(f"{command[0]}: {type(error).__name__}") from None
    if done.returncode not in allowed:
        raise CouldNotLook(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    return done


def code(_options: argparse.Namespace) -> list[str]:
    """Code that invites attacks, as bandit knows it; what is meant is marked in its line, with the reason."""
    done = run("bandit", "-r", "portal", "-q", "-f", "json", "-c", ".ci/bandit.yaml", allowed=(0, 1))
    told = _json(done.stdout, "bandit")
    if told.get("errors") or not told.get("metrics", {}).get("_totals", {}).get("loc"):
        raise CouldNotLook(f"bandit read no code, or not all of it: {told.get('errors')}")
    return [
        f"{each['filename']}:{each['line_number']}: {each['test_id']} {each['issue_text']}" for each in told["results"]
    ]


def secrets(options: argparse.Namespace) -> list[str]:
    """Keys and passwords in the files, and in all that was ever added to them."""
    tree = Path(options.tree).resolve()
    known = _known_secrets()
    found = set()
    listed = _git(tree, "ls-files", "-z").split("\0")
    for name, line, kind, digest in _scan(tree, [name for name in listed if name and (tree / name).is_file()]):
        if digest not in known:
            found.add(f"{name}:{line}: {kind}")
    if options.history:
        with tempfile.TemporaryDirectory() as folder:
            added = re.findall(r"^\+(?!\+\+ )(.*)$", _git(tree, "log", "-p", "--all", "--unified=0"), re.MULTILINE)
            lines = list(dict.fromkeys(line for line in added if len(line) >= 8))
            (Path(folder) / "history.txt").write_text("\n".join(lines), encoding="utf-8")
            for _, line, kind, digest in _scan(Path(folder), ["history.txt"]):
                if digest not in known:
                    found.add(f"in the history: {kind}: {lines[line - 1][:40]}…")
    return sorted(found)


def _git(tree: Path, *command: str) -> str:
    """What git says of a tree."""
    done = subprocess.run(["git", "-C", str(tree), *command], capture_output=True, timeout=PATIENCE, check=False)  # noqa: S607
    if done.returncode:
        raise CouldNotLook(f"git {command[0]}: {done.stderr.decode(errors='replace').strip()[-200:]}")
    return done.stdout.decode("utf-8", "replace")


#: Looks for what is secret by its shape; what only looks random is in every lock file and every test.
_PLUGINS = (
    "AWSKeyDetector AzureStorageKeyDetector BasicAuthDetector GitHubTokenDetector GitLabTokenDetector JwtTokenDetector"
    " KeywordDetector PrivateKeyDetector PypiTokenDetector SendGridDetector SlackDetector StripeDetector"
    " TelegramBotTokenDetector TwilioKeyDetector"
).split()


def _scan(root: Path, names: Sequence[str]) -> list[tuple[str, int, str, str]]:
    """What looks like a secret in some files: file, line, kind and the secret's digest."""
    try:
        from detect_secrets import SecretsCollection
        from detect_secrets.settings import transient_settings
    except ImportError as error:
        raise CouldNotLook(f"detect-secrets is not installed: {error}") from None
    found, plugins = SecretsCollection(root=str(root)), [{"name": name} for name in _PLUGINS]
    filters = [{"path": f"detect_secrets.filters.{name}"} for name in ("heuristic.is_templated_secret",)]
    with transient_settings({"plugins_used": plugins, "filters_used": filters}):
        for name in names:
            found.scan_file(name)
    return [(name, each.line_number, each.type, each.secret_hash) for name, each in found]


def _known_secrets() -> frozenset[str]:
    """Digests of what looks like a secret and is none: passwords of tests, samples of the documentation."""
    if not BASELINE.exists():
        return frozenset()
    lines = BASELINE.read_text(encoding="utf-8").splitlines()
    return frozenset(line.split()[0] for line in lines if line and not line.startswith("#"))


def licences(_options: argparse.Namespace) -> list[str]:
    """Dependencies under a licence that is not in the list, or under none that is known."""
    found = []
    for name in locked():
        stated = licence_of(name)
        # `A AND B` needs both, `A OR B` one of them.
        parts = [part for part in re.split(r"\s+AND\s+", stated.strip("()")) if part]
        good = all(
            any(READ.get(each, each) in LICENCES for each in re.split(r"\s+OR\s+", part.strip("()"))) for part in parts
        )
        if not parts or not good:
            found.append(f"{name}: {stated or 'no licence is stated'}")
    return found


def licence_of(name: str) -> str:
    """What an installed package says of its licence: as SPDX, else by classifiers, else in its own words.

    Raises:
        CouldNotLook: it is not installed.
    """
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        raise CouldNotLook(f"{name} is locked and not installed here") from None
    if told["License-Expression"]:
        return str(told["License-Expression"])
    classes = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier") or () if each.startswith("License ::")]
    named = [READ[each] for each in classes if each in READ]
    return " OR ".join(named) or str(told["License"] or "").split("\n")[0].strip() or _licence_text(name)


def _licence_text(name: str) -> str:
    """The first line of the licence that a package ships; empty where it ships none."""
    for path in metadata.files(name) or ():
        if path.name in {"LICENSE", "LICENSE.txt", "LICENSE.md"}:
            first = path.read_text(encoding="utf-8").strip().split("\n")[0]
            return READ.get(first.removeprefix("The ").strip(), first.strip())
    return ""


def bill(options: argparse.Namespace) -> list[str]:
    """Write the bill of materials (CycloneDX 1.6, JSON), and check that it names everything that is locked."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bom.json"
        common = ("--sv", "1.6", "--output-reproducible", "--of", "JSON", "--short-PURLs", "--no-validate")
        run("cyclonedx_py", "requirements", *common, "-o", str(path), str(LOCK))
        told = _json(path.read_text(encoding="utf-8"), "cyclonedx-py")
    # Who made the list, with addresses of theirs, is no part of it.
    told.get("metadata", {}).pop("tools", None)
    packages, found = locked(), []
    named = {canonical(each["name"]): each for each in told.get("components", ())}
    for name, (version, hashes) in packages.items():
        each = named.get(name)
        if each is None or each.get("version") != version:
            found.append(f"{name} {version} is not in the bill of materials")
            continue
        each["licenses"] = [{"license": {"name": licence_of(name)[:200] or "unknown"}}]
        each["hashes"] = [{"alg": "SHA-256", "content": digest} for digest in hashes]
        # Where it came from is the business of whoever installs it.
        each.pop("externalReferences", None)
    _validate(told)
    if not found:
        target = Path(options.output)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return found


def _validate(told: Mapping[str, Any]) -> None:
    """Check a bill of materials against the schema of its format."""
    try:
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator
    except ImportError as error:
        raise CouldNotLook(f"cyclonedx-bom is not installed: {error}") from None
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(told)):
        raise CouldNotLook(f"the bill of materials does not keep to its format: {fault}"[:300])


def advisories(options: argparse.Namespace) -> list[str]:
    """Known vulnerabilities of what is locked; first of something that has some, to see that the service answers."""
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "canary.txt"
        canary.write_text(f"{CANARY}\n", encoding="utf-8")
        if not _asked(canary, options, {"jinja2"}):
            raise CouldNotLook(f"the service knows nothing against {CANARY}, so its silence means nothing")
        lock = Path(options.lock)
        pins = Path(folder) / "pins.txt"
        wanted = locked(lock)
        pins.write_text("".join(f"{name}=={version}\n" for name, (version, _) in wanted.items()), encoding="utf-8")
        return _asked(pins, options, set(wanted))


def _asked(path: Path, options: argparse.Namespace, wanted: set[str]) -> list[str]:
    """What the service knows against the packages of a file, each of which it must have answered for."""
    command = ["pip_audit", "-r", str(path), "--no-deps", "--disable-pip", "-f", "json", "--progress-spinner", "off"]
    command += ["--cache-dir", str(path.parent / "cache"), "--timeout", str(options.timeout)]
    if options.service:
        command += ["-s", "osv", "--osv-url", options.service]
    told = _json(run(*command, allowed=(0, 1)).stdout, "pip-audit").get("dependencies", [])
    skipped = [f"{each['name']}: {each['skip_reason']}" for each in told if "skip_reason" in each]
    if skipped:
        raise CouldNotLook(f"{len(skipped)} packages were not looked up, such as {skipped[0]}")
    missing = wanted - {canonical(each["name"]) for each in told}
    if missing:
        raise CouldNotLook(f"nothing was said of {', '.join(sorted(missing))}")
    return [f"{each['name']} {each['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version'}"
            for each in told for fault in each["vulns"]]  # fmt: skip


def _json(text: str, tool: str) -> Any:
    """What a tool wrote, read."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise CouldNotLook(f"what {tool} wrote cannot be read: {text[:80]!r}") from None


AUDITS: Mapping[str, Callable[[argparse.Namespace], list[str]]] = {
    "code": code, "secrets": secrets, "licences": licences, "bill": bill, "advisories": advisories,
}  # fmt: skip


def audit(name: str, options: argparse.Namespace) -> Came:
    """Make one audit and say what it came to."""
    try:
        found = AUDITS[name](options)
    except CouldNotLook as why:
        sys.stdout.write(f"{name}: COULD NOT LOOK: {why}\n")
        return Came.BLIND
    sys.stdout.write("".join(f"{name}: {each}\n" for each in found) or f"{name}: nothing found\n")
    return Came.FOUND if found else Came.CLEAN


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the audits that are asked for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audits", nargs="*", help=f"of {', '.join(AUDITS)}; all unless given")
    parser.add_argument(
        "--service", default=os.environ.get("AUDIT_SERVICE", ""), help="address that speaks OSV's protocol"
    )
    parser.add_argument("--lock", default=str(LOCK), help="the locked versions")
    parser.add_argument("--tree", default=str(ROOT), help="where to look for secrets")
    parser.add_argument("--no-history", dest="history", action="store_false", help="only files as they are now")
    parser.add_argument("--output", default=str(ROOT / "build" / "bom.json"), help="where the bill of materials goes")
    parser.add_argument("--timeout", type=int, default=15, help="seconds for one answer of the service")
    options = parser.parse_args(arguments)
    if unknown := set(options.audits) - set(AUDITS):
        parser.error(f"there is no audit {', '.join(sorted(unknown))}")
    came = [audit(name, options) for name in options.audits or AUDITS]
    # What was found counts more than what was not seen.
    return int(Came.FOUND if Came.FOUND in came else max(came))


if __name__ == "__main__":
    sys.exit(main())
