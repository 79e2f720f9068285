"""The application: the one place where the parts are joined."""

import html
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from babel.dates import format_time, format_timedelta, get_datetime_format
from flask import Flask
from flask_babel import format_date, format_decimal, get_locale
from markupsafe import Markup, escape
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.keys import believed, for_itsdangerous
from portal.locales import LANGUAGES
from portal.search.snippets import Snippet
from portal.services import Services, open_services
from portal.settings import Settings, load
from portal.web import (
    account,
    banner,
    discovery,
    embed,
    errors,
    feeds,
    heads,
    help_centre,
    i18n,
    kept_pages,
    labels,
    links,
    monitoring,
    my_requests,
    private_page,
    security,
    sign_in,
    static_files,
    structured,
    subscriptions,
    visits,
)
from portal.web.api import resources as _resources  # noqa: F401 - the views are the API's
from portal.web.api import roots as api
from portal.web.desk import blueprint as desk_blueprint
from portal.web.desk import notices, views  # noqa: F401 - the views are the blueprint's
from portal.web.discovery import opensearch
from portal.web.reports import views as reports
from portal.web.services import EXTENSION
from portal.web.writers import views as writers


def create_app(settings: Settings | None = None, services: Services | None = None) -> Flask:
    """Make the application; it migrates, indexes and waits for nothing.

    Args:
        settings: in force; from the environment when None.
        services: the parts to join; opened from the settings when None.
    """
    settings = settings or load()
    services = services or open_services(settings)
    app = Flask(__name__, static_folder="static", template_folder="templates")
    app.extensions[EXTENSION] = services
    app.secret_key, *older = believed(services.secret)
    app.config["SECRET_KEY_FALLBACKS"] = older
    app.config["WTF_CSRF_SECRET_KEY"] = for_itsdangerous(services.secret)  # Flask-WTF knows no fallbacks.
    app.config.update(DEFAULT_LANGUAGE=settings.default_language, TEMPLATES_AUTO_RELOAD=settings.dev)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    monitoring.init(app, services)
    i18n.init(app)
    security.init(app, settings)
    sign_in.init(app)
    errors.init(app)
    banner.init(app)
    for module in (
        my_requests,
        private_page,
        subscriptions,
        sign_in,
        account,
        writers,
        visits,
        help_centre,
        discovery,
        feeds,
        embed,
    ):
        app.register_blueprint(module.blueprint)
    app.register_blueprint(desk_blueprint)
    app.register_blueprint(monitoring.blueprint)
    app.register_blueprint(reports.blueprint)
    app.register_blueprint(help_centre.roots)
    api.init(app)
    app.after_request(discovery.no_index)
    static_files.init(app)
    _templates(app, services)
    kept_pages.init(app, services)
    if settings.proxy_count:
        count = settings.proxy_count
        app.wsgi_app = ProxyFix(app.wsgi_app, count, count, count, 0, 0)  # type: ignore[method-assign]
    return app


def _templates(app: Flask, services: Services) -> None:
    """What templates can use: words, dates and numbers of the page's language, and addresses."""
    zone = ZoneInfo(services.settings.time_zone)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        day=lambda value: format_date(value, "long"),
        short_day=lambda value: format_date(value, "medium"),
        moment=lambda value: moment(value.astimezone(zone)) + ("\u00a0UTC" if zone.key == "UTC" else ""),
        moment_of=lambda text: app.jinja_env.filters["moment"](datetime.fromisoformat(text)),
        number=format_decimal,
        decimal=lambda value: format_decimal(round(value, 2)),
        age=lambda value: format_timedelta(max(services.clock() - value, timedelta(0)), locale=get_locale()),
        marked=marked,
        paragraphs=paragraphs,
    )
    address = links.addresses()
    app.jinja_env.globals.update(
        labels=labels,
        languages=LANGUAGES,
        absolute=links.absolute,
        url_for=address,
        heads=heads,
        structured=structured,
        search_name=opensearch.search_name,
        site=services.settings.site_name,
        may_now=security.may_now,
        unseen_notices=notices.unseen,
    )

    @app.context_processor
    def of_page() -> dict[str, object]:
        return {"language": i18n.language(), "alternates": partial(i18n.alternates, address), "colon": i18n.colon()}


def moment(value: datetime) -> str:
    """A day and a time of day to the minute, as the page's language writes them."""
    locale = get_locale()
    pattern = str(get_datetime_format("medium", locale=locale))
    day, time = format_date(value.date(), "medium"), format_time(value, "short", locale=locale)
    return pattern.replace("'", "").replace("{0}", time).replace("{1}", day)


def marked(snippet: Snippet) -> Markup:
    """A snippet with its words marked."""
    # A page has a hundred pieces: to join safe texts of their own takes five times as long.
    pieces = (f"<mark>{html.escape(text)}</mark>" if is_word else html.escape(text) for text, is_word in snippet.pieces)
    return Markup("".join(pieces))  # noqa: S704  # nosec B704


def paragraphs(text: str) -> Markup:
    """Plain text as paragraphs, with its line breaks."""
    blocks = (block for block in text.replace("\r", "").split("\n\n") if block.strip())
    lines = (Markup("<br>").join(escape(line) for line in block.strip().split("\n")) for block in blocks)
    return Markup("\n").join(Markup("<p>{}</p>").format(line) for line in lines)
