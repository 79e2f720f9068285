"""The machines that serve one portal together, and which articles each of them has."""

from sqlalchemy import Column, String, Table

from portal.storage.schema.base import Moment, metadata

nodes = Table(
    "nodes",
    metadata,
    Column("name", String(200), primary_key=True),
    #: Of the code that it runs; see `Services.build`.
    Column("build", String(40), nullable=False),
    #: Names of the keys that it believes, the one that signs first, with blanks between.
    Column("keys", String(200), nullable=False),
    #: Digests of the articles that its readers see, and of those that it could show.
    Column("served", String(40), nullable=False),
    Column("ready", String(40), nullable=False),
    #: When it last said so, by the database's clock.
    Column("seen_at", Moment, nullable=False),
)
