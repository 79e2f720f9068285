"""How large a database is, and how many connections it has."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, inspect, select, table

from portal.storage import Database


@dataclass(frozen=True)
class TableSize:
    """A table's rows, and its bytes with its indexes; None where the engine does not tell them by table."""

    rows: int
    size: int | None


@dataclass(frozen=True)
class Sizes:
    """A database as it is now."""

    engine: str
    #: In bytes; of SQLite without its log.
    size: int
    tables: dict[str, TableSize]
    #: Of all programs, and how many the server allows; None where there is no server.
    connections: int | None = None
    most_connections: int | None = None


def measure(database: Database) -> Sizes:
    """Count the rows of every table, which takes seconds where there are millions."""
    with database.read() as connection:
        names = sorted(name for name in inspect(connection).get_table_names() if not name.startswith("ticket_search"))
        rows = {name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in names}
        if database.is_sqlite:
            pages, size = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size")
            )
            version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
            return Sizes(f"SQLite {version}", pages * size, {name: TableSize(rows[name], None) for name in names})
        return _of_server(connection, rows)


def _of_server(connection: Connection, rows: dict[str, int]) -> Sizes:
    """What a PostgreSQL server says of itself."""

    def ask(query: str) -> int:
        return int(connection.exec_driver_sql(query).scalar_one())

    size = ask("SELECT pg_database_size(current_database())")
    sized = {
        name: TableSize(count, connection.execute(select(func.pg_total_relation_size(f'"{name}"'))).scalar_one())
        for name, count in rows.items()
    }
    version = connection.exec_driver_sql("SHOW server_version").scalar_one().split()[0]
    used = ask("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
    return Sizes(f"PostgreSQL {version}", size, sized, used, ask("SHOW max_connections"))
