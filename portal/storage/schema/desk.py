"""How the desk is set up, and what agents do beside the tickets themselves."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint
from sqlalchemy.types import JSON

from portal.storage.schema.base import Moment, metadata

#: Working hours; the stretches of each weekday and the holidays as texts, see `storage.organisation`.
calendars = Table(
    "calendars",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("time_zone", String(60), nullable=False),
    Column("week", JSON, nullable=False),
    Column("holidays", JSON, nullable=False),
    Column("version", Integer, nullable=False),
)

tiers = Table(
    "tiers",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("names", JSON, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("minutes", Integer),
    Column("calendar_id", ForeignKey("calendars.id")),
    Column("version", Integer, nullable=False),
)

targets = Table(
    "targets",
    metadata,
    Column("priority", Integer, primary_key=True, autoincrement=False),
    Column("first_reply", Integer),
    Column("resolution", Integer),
    Column("version", Integer, nullable=False),
)

rules = Table(
    "rules",
    metadata,
    Column("id", Integer, primary_key=True),
    #: May be empty: what a rule does says its name.
    Column("name", String(100), nullable=False),
    Column("clock", String(20), nullable=False),
    Column("offset", Integer, nullable=False),
    Column("effect", String(20), nullable=False),
    Column("tiers", JSON, nullable=False),
    Column("priorities", JSON, nullable=False),
    Column("languages", JSON, nullable=False),
    Column("is_unowned", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
)

#: Which rule has been applied to which running of a ticket's clock; a second time is refused by the key.
rule_runs = Table(
    "rule_runs",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("rule_id", ForeignKey("rules.id", ondelete="CASCADE"), primary_key=True),
    #: The clock and when it began to run.
    Column("running", String(60), primary_key=True),
    Column("at", Moment, nullable=False),
)

routes = Table(
    "routes",
    metadata,
    Column("topic", String(120), primary_key=True),
    Column("tier", Integer, nullable=False),
    Column("impact", Integer, nullable=False),
    Column("version", Integer, nullable=False),
)

suppliers = Table(
    "suppliers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("email", String(254), nullable=False),
    Column("contact", String(100), nullable=False),
    Column("languages", JSON, nullable=False),
    Column("contract", Text, nullable=False),
    Column("contract_until", Date),
    Column("shared", JSON, nullable=False),
    Column("answer_days", Integer, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
)

#: What a supplier has been asked to do for a ticket; what was written stands in the ticket's events.
cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("supplier_id", ForeignKey("suppliers.id"), nullable=False, index=True),
    #: The supplier's own number of it.
    Column("reference", String(100), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("opened_at", Moment, nullable=False),
    #: When our owner is reminded next; None while nothing is awaited.
    Column("remind_at", Moment, index=True),
    Column("reminders", Integer, nullable=False),
    Column("version", Integer, nullable=False),
)

saved_replies = Table(
    "saved_replies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("texts", JSON, nullable=False),
    Column("checklist", JSON, nullable=False),
    Column("topic", String(120), nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
)

#: What the desk has chosen; one row.
policy = Table(
    "policy",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("close_days", Integer, nullable=False),
    Column("survey_percent", Integer, nullable=False),
    Column("is_automatic", Boolean, nullable=False),
    Column("most_open", Integer, nullable=False),
    Column("calendar_id", ForeignKey("calendars.id")),
    Column("version", Integer, nullable=False),
)

#: Who has been invited to a ticket that somebody else owns.
swarm = Table(
    "swarm",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("at", Moment, nullable=False),
)

#: What people of the staff are told.
notices = Table(
    "notices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), index=True),
    #: See `notices.About`.
    Column("about", String(20), nullable=False),
    #: What it is about; a second one with the same key is not written.
    Column("key", String(120), nullable=False),
    #: Who caused it; empty for the system.
    Column("actor_name", String(100), nullable=False),
    Column("text", String(300), nullable=False),
    Column("at", Moment, nullable=False),
    Column("seen_at", Moment),
    UniqueConstraint("person_id", "key"),
    Index(None, "person_id", "seen_at", "id"),
)

#: Who has a ticket open; person 0 is the requester.
presence = Table(
    "presence",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False, index=True),
    Column("is_writing", Boolean, nullable=False),
)

#: What agents have begun to write.
drafts = Table(
    "drafts",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True),
    #: `reply` or `note`.
    Column("field", String(10), primary_key=True),
    Column("text", Text, nullable=False),
    Column("at", Moment, nullable=False, index=True),
)

#: Calls that requesters wait for.
callbacks = Table(
    "callbacks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("phone", String(40), nullable=False),
    #: Between these moments; the zone in which the requester named them.
    Column("start_at", Moment, nullable=False),
    Column("end_at", Moment, nullable=False),
    Column("time_zone", String(60), nullable=False),
    #: `open`, `reached` or `given_up`
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("person_id", ForeignKey("people.id")),
    Column("version", Integer, nullable=False),
    Index(None, "state", "start_at"),
)

#: Closed requests whose requester was asked how they were served, and those who were left in peace.
surveys = Table(
    "surveys",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    Column("language", String(2), nullable=False),
    Column("is_asked", Boolean, nullable=False),
)

#: Major incidents: what the banner on the portal says, by language.
incidents = Table(
    "incidents",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("texts", JSON, nullable=False),
    Column("is_shown", Boolean, nullable=False, index=True),
    Column("began_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("version", Integer, nullable=False),
)

#: Filters of the queue that somebody has given a name.
saved_filters = Table(
    "saved_filters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(60), nullable=False),
    #: The queue's arguments.
    Column("query", String(500), nullable=False),
    UniqueConstraint("person_id", "name"),
)

#: What has been administered; rows are added, never changed.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    #: None for the command line and the system.
    Column("person_id", Integer, index=True),
    Column("actor_name", String(100), nullable=False),
    #: What was done to what, such as `change` and `tier`; its number or key.
    Column("action", String(30), nullable=False),
    Column("subject", String(30), nullable=False),
    Column("key", String(120), nullable=False),
    #: The fields that changed, before and after; never a secret.
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
)

#: Mails that came in, so that none is taken twice.
received = Table(
    "received",
    metadata,
    #: Of its message id, or of the whole message where it has none.
    Column("message_hash", String(64), primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    #: What became of it; see `inbox.Outcome`.
    Column("outcome", String(20), nullable=False),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="SET NULL"), index=True),
)

#: The words of a ticket as the search of the desk knows them; the engines' own indexes are made by the migration.
ticket_texts = Table(
    "ticket_texts",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    #: The ticket's when this was written.
    Column("version", Integer, nullable=False),
    #: Stems, separated by blanks.
    Column("terms", Text, nullable=False),
)
