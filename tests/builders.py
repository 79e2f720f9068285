"""Values for tests, with sensible defaults."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from portal.people import Person, Role
from portal.settings import Settings
from portal.tickets import Kind, Status, Ticket

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PASSWORD = "kettle-orbit-velvet-27"


def write_article(
    root: Path,
    language: str = "en",
    slug: str = "reset-password",
    title: str = "Reset a forgotten password",
    body: str = "Open the sign-in page and choose the link below the field.",
    **fields: str,
) -> Path:
    """Write an article's file; `fields` are lines of the front matter."""
    front = {"title": f'"{title}"', "topic": "accounts", "updated": "2026-01-05", **fields}
    lines = "".join(f"{key}: {value}\n" for key, value in front.items())
    path = root / language / f"{slug}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\n{lines}---\n\n{body}\n", encoding="utf-8")
    return path


SMALL_LIBRARY: Mapping[tuple[str, str], tuple[str, str]] = {
    ("en", "reset-password"): (
        "Reset a forgotten password",
        "## Reset it yourself {#reset}\n\n1. Open the sign-in page.\n2. Choose **Forgot password**.\n\n"
        "## On a phone {#phone}\n\nThe steps are the same.\n\n## If it fails {#fails}\n\nAsk us.",
    ),
    ("fr", "reset-password"): (
        "Réinitialiser un mot de passe oublié",
        "## Le réinitialiser vous-même {#reset}\n\nOuvrez la page de connexion.",
    ),
    ("de", "reset-password"): (
        "Vergessenes Passwort zurücksetzen",
        "## Selbst zurücksetzen {#reset}\n\nÖffnen Sie die Anmeldeseite.",
    ),
    ("ru", "reset-password"): (
        "Сбросить забытый пароль",
        "## Сбросьте пароль сами {#reset}\n\nОткройте страницу входа. Ещё раз введите имя.",
    ),
    ("en", "printer-offline"): (
        "The printer is offline",
        "Check the cable of the printer, then see [passwords](reset-password.md#reset).",
    ),
    ("de", "printer-offline"): ("Der Drucker ist offline", "Prüfen Sie das Kabel des Druckers."),
    ("en", "vpn-only-english"): ("Connect to the VPN", "The tunnel opens with your token."),
}


def write_library(root: Path) -> Path:
    """Write seven articles in four languages; one exists in English only."""
    for (language, slug), (title, body) in SMALL_LIBRARY.items():
        topic = "devices" if slug.startswith("printer") else "accounts"
        write_article(root, language, slug, title, body, topic=topic, summary=f'"{title}."', tags="[sign-in]")
    (root / "topics.yml").write_text(
        "accounts:\n  name: {en: Accounts, fr: Comptes, de: Konten, ru: Учётные записи}\n"
        "devices:\n  name: {en: Devices, fr: Appareils, de: Geräte, ru: Устройства}\n",
        encoding="utf-8",
    )
    return root


def ticket(**changes: object) -> Ticket:
    """A new request at L1."""
    made = Ticket(7, Kind.REQUEST, Status.NEW, 1, "en", "Printer", NOW, NOW, description="It does not print.")
    return replace(made, **changes)  # type: ignore[arg-type]


def person(**changes: object) -> Person:
    """An agent of L1."""
    made = Person(0, "mia@example.org", "Mia Lindt", frozenset({Role.AGENT}), (1,), ("en", "de"))
    return replace(made, **changes)  # type: ignore[arg-type]


def settings(root: Path, data: Path, **changes: object) -> Settings:
    """Settings for tests: forms may be sent at once."""
    made = Settings(articles=root, data=data, form_min_seconds=0)
    return replace(made, **changes)  # type: ignore[arg-type]
