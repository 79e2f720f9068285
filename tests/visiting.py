"""What the tests of visits share: searches and beacons of a browser, and what is recorded of them."""

from urllib.parse import quote

from flask.testing import FlaskClient
from sqlalchemy import select

from portal.chains import SearchEvent
from portal.services import Services
from portal.storage import searches
from portal.storage.schema import search_events

TITLES = {
    "en": "Reset a forgotten password", "fr": "Réinitialiser un mot de passe oublié",
    "de": "Vergessenes Passwort zurücksetzen", "ru": "Сбросить забытый пароль",
}  # fmt: skip
SLUG = "reset-password"


def recorded(services: Services) -> list[SearchEvent]:
    """All that is recorded, oldest first."""
    assert services.journal.flush()
    with services.database.read() as connection:
        numbers = connection.execute(select(search_events.c.id).order_by(search_events.c.id)).scalars().all()
        return searches._events(connection, search_events.c.id.in_(numbers))


def kinds(services: Services) -> list[str]:
    """The kinds of all that is recorded."""
    return [event.kind.value for event in recorded(services)]


def search(client: FlaskClient, text: str, language: str = "en", **options: object) -> int:
    """Search; the status."""
    return client.get(f"/{language}/search?q={quote(text)}", **options).status_code


def beacon(client: FlaskClient, language: str = "en", headers: dict[str, str] | None = None, **fields: object) -> int:
    """What a page's script tells; the status."""
    values = {"kind": "read", "slug": SLUG, "language": language, "seconds": "42"} | fields
    return client.post(f"/{language}/visit", data=values, headers=headers).status_code
