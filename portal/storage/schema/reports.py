"""What reports are read from: sums by day, which stay when what they were counted from has gone."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Integer, String, Table

from portal.storage.schema.base import Moment, metadata

#: Sums by day (UTC), language, topic of the articles and tier; where one does not apply it is empty, or 0.
daily_facts = Table(
    "daily_facts",
    metadata,
    #: See `metrics`.
    Column("measure", String(40), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("language", String(2), primary_key=True),
    Column("topic", String(120), primary_key=True),
    Column("tier", Integer, primary_key=True, autoincrement=False),
    Column("value", Integer, nullable=False),
    sqlite_with_rowid=False,
)

#: How long things took, by the day on which they ended: how many took so many minutes, rounded as `metrics` says.
daily_times = Table(
    "daily_times",
    metadata,
    Column("measure", String(40), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("language", String(2), primary_key=True),
    Column("topic", String(120), primary_key=True),
    Column("tier", Integer, primary_key=True, autoincrement=False),
    Column("minutes", Integer, primary_key=True, autoincrement=False),
    Column("times", Integer, nullable=False),
    sqlite_with_rowid=False,
)

#: Sums by day (UTC) and article; how often it was opened stands in `article_views`.
daily_articles = Table(
    "daily_articles",
    metadata,
    Column("measure", String(40), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("language", String(2), primary_key=True),
    Column("slug", String(120), primary_key=True),
    Column("value", Integer, nullable=False),
    sqlite_with_rowid=False,
)

#: Which days have been counted from which source.
counted_days = Table(
    "counted_days",
    metadata,
    Column("source", String(20), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("at", Moment, nullable=False),
    #: Whether what it was counted from may have gone, so that it is never counted again.
    Column("is_final", Boolean, nullable=False),
)

#: Who of the staff wants the weekly digest.
digests = Table(
    "digests",
    metadata,
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("language", String(2), nullable=False),
    #: The Monday of the last week that they were told about; None before the first.
    Column("told_week", Date),
    Column("since", Moment, nullable=False),
)
