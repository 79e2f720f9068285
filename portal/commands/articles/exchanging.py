"""`portal articles import` and `export`: articles from elsewhere, and for elsewhere."""

import sys
from pathlib import Path

import click

from portal.commands.articles.group import articles
from portal.commands.options import own_articles, with_settings
from portal.commands.progress import progress_bar
from portal.errors import CannotStart, InvalidSetting
from portal.locales import CODES
from portal.settings import Settings
from portal.writing import exporting, importing
from portal.writing.exporting.selection import languages_of


@articles.command("export")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["site", "markdown"]), default="site", help="A website, or the files."
)
@click.option(
    "--zip", "is_packed", is_flag=True, help="Make TARGET.zip as well; the same articles give the same bytes."
)
@click.option("--languages", multiple=True, metavar="CODES", help="Only these, such as en,fr.")
@click.option(
    "--base-url", "site_url", default="", metavar="URL", help="Where the site will be: for search engines; not needed."
)
@click.option("--drafts", is_flag=True, help="Drafts as well.")
@click.option("--all", "is_all", is_flag=True, help="Drafts and topics for writers as well.")
@with_settings
def export(
    settings: Settings,
    target: Path,
    form: str,
    is_packed: bool,
    languages: tuple[str, ...],
    site_url: str,
    drafts: bool,
    is_all: bool,
) -> None:
    """Write the articles to TARGET: a website that works without a server, with its search, or Markdown files."""
    if site_url and not site_url.startswith(("http://", "https://")):
        raise InvalidSetting("--base-url must begin with http:// or https://.")
    from portal.storage.published import topics_for_writers  # noqa: PLC0415 - the database's library imports slowly

    wanted = exporting.Wanted(
        languages_of(languages),
        with_drafts=drafts or is_all,
        with_internal=is_all,
        for_writers=topics_for_writers(settings.data / "articles.db"),
    )
    try:
        with progress_bar("Articles") as progress:
            if form == "site":
                report = exporting.export_site(
                    settings.articles,
                    target,
                    wanted,
                    settings.default_language,
                    progress,
                    site_name=settings.site_name,
                    base_url=site_url,
                    is_packed=is_packed,
                )
            else:
                report = exporting.export_markdown(
                    settings.articles, target, wanted, settings.default_language, progress, is_packed=is_packed
                )
    except OSError as error:
        raise CannotStart(f"The export cannot be written: {error}.") from error
    for problem in report.problems:
        click.echo(f"left out: {problem}", err=True)
    if form == "site":
        click.echo(f"{report.articles} articles in {', '.join(report.languages)}: open {target / 'index.html'}")
    else:
        click.echo(f"{report.articles} articles in {', '.join(report.languages)}: {target}")
    if report.archive:
        click.echo(f"zip file: {report.archive}")
    sys.exit(1 if report.problems else 0)


@articles.command("import")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--mapping", type=click.Path(path_type=Path), help="How theirs becomes ours; see --example-mapping.")
@click.option("--language", default="", type=click.Choice(["", *CODES]), help="Of files that do not say theirs.")
@click.option("--dry-run", "is_trial", is_flag=True, help="Only tell what would be.")
@click.option("--report", type=click.Path(path_type=Path), help="Write what became of each file; .json for scripts.")
@click.option("--overwrite", "is_overwriting", is_flag=True, help="Replace articles that are there already.")
@click.option("--example-mapping", "is_example", is_flag=True, help="Print a mapping file to begin with.")
@with_settings
def import_(
    settings: Settings,
    folder: Path | None,
    mapping: Path | None,
    language: str,
    is_trial: bool,
    report: Path | None,
    is_overwriting: bool,
    is_example: bool,
) -> None:
    """Import the Markdown files of FOLDER, whatever their front matter; exit 1 where one was refused.

    Without --mapping, FOLDER is one of the portal's own form, such as an export to Markdown.
    """
    if is_example:
        click.echo(importing.example(), nl=False)
        return
    if folder is None:
        raise click.UsageError("Missing argument 'FOLDER'.")
    root = own_articles(settings, may_be_missing=True)
    rules = importing.read_mapping(mapping) if mapping else importing.IDENTITY
    try:
        with progress_bar("Files") as progress:
            found = importing.import_folder(
                folder,
                root,
                rules,
                settings.default_language,
                progress,
                language=language,
                is_overwriting=is_overwriting,
                is_trial=is_trial,
            )
        if report:
            text = found.to_json() if report.suffix == ".json" else "\n".join(found.lines())
            report.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise CannotStart(f"The import cannot be written: {error}.") from error
    for line in found.lines(is_whole=is_trial and not report):
        click.echo(line)
    click.echo(found.summary, err=True)
    if missing := importing.unnamed_topics(found.topics, settings.articles):
        click.echo(f"topics.yml does not name: {', '.join(missing)}", err=True)
    sys.exit(1 if found.counts["refused"] else 0)
