"""`portal nodes`: the machines that serve one portal together."""

import click

from portal import nodes as machines
from portal.commands.options import as_json, show, with_settings
from portal.settings import Settings
from portal.storage import Database
from portal.storage import nodes as store
from portal.storage.nodes import Node


@click.command()
@as_json
@with_settings
def nodes(settings: Settings, as_json: bool) -> None:
    """The machines that serve this portal together, what each has, and when it last said so."""
    database = Database(settings.database)
    try:
        with database.read() as connection:
            known = store.everything(connection)
    finally:
        database.close()
    rows = [
        {
            "name": node.name,
            "lives": node.age < machines.ALIVE,
            "seconds_ago": round(node.age, 1),
            "build": node.build,
            "articles": node.served,
            "ready": node.ready,
            "signs_with": node.keys[0] if node.keys else "",
            "believes": list(node.keys),
        }
        for node in known
    ]
    show(rows, as_json, lambda: _lines(known))


def _lines(known: list[Node]) -> list[str]:
    """A table for people, and what is wrong."""
    if not known:
        return ["No machine has said anything. On SQLite there is one, which says nothing."]
    lines = [f"{'machine':<32} {'seen':>9}  {'code':<12}  {'articles':<8}  {'ready':<8}  signs with"]
    living = [node for node in known if node.age < machines.ALIVE]
    for node in known:
        seen = f"{node.age:.0f} s ago" if node in living else "gone"
        key = node.keys[0] if node.keys else ""
        lines.append(
            f"{node.name:<32} {seen:>9}  {node.build[:12]:<12}  {node.served[:8]:<8}  {node.ready[:8]:<8}  {key}"
        )
    for what, values in (
        ("run different code", {node.build for node in living}),
        ("show different articles", {node.served for node in living}),
        ("sign with different keys", {node.keys[:1] for node in living}),
    ):
        if len(values) > 1:
            lines.append(f"The living machines {what}.")
    return lines
