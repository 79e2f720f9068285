"""What other systems work with: tokens of the API, requests that are not done twice, and webhooks."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint
from sqlalchemy.types import JSON

from portal.storage.schema.base import Moment, metadata

#: Keys to the API; the table holds their hashes, so that a copy of it opens nothing.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    #: SHA-256 of the token.
    Column("token_hash", String(64), nullable=False, unique=True),
    #: Its last four characters, by which people know it again.
    Column("hint", String(4), nullable=False),
    Column("scopes", JSON, nullable=False),
    #: Whose rights it has at most, and in whose name it works.
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    #: Requests in a minute; None: as the settings say.
    Column("per_minute", Integer),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    #: The last day (UTC) on which it was used.
    Column("used_on", Date),
    Column("revoked_at", Moment),
    Column("version", Integer, nullable=False),
)

#: Requests with an idempotency key, for a day: the same again is answered, and not done.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    #: Of who asks and the key.
    Column("key_hash", String(64), primary_key=True),
    #: Of method, address and body.
    Column("request_hash", String(64), nullable=False),
    #: None while it is being done.
    Column("status", Integer),
    #: When whoever does it began.
    Column("at", Moment, nullable=False, index=True),
    #: When it was first begun, where somebody has taken it over since.
    Column("first_at", Moment),
)

#: Where other systems want to be told of what happens.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("url", String(2000), nullable=False),
    #: From this and the instance's secret the key follows that its messages are signed with.
    Column("salt", String(64), nullable=False),
    #: Languages whose events it wants; empty: all.
    Column("languages", JSON, nullable=False),
    Column("is_active", Boolean, nullable=False),
    #: Since when its receiver has not worked; None while it answers.
    Column("failing_since", Moment),
    Column("created_at", Moment, nullable=False),
    Column("version", Integer, nullable=False),
)

#: Which events each of them wants.
webhook_events = Table(
    "webhook_events",
    metadata,
    Column("webhook_id", ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True),
    Column("event", String(40), primary_key=True),
    Index(None, "event"),
)

#: What is to be told and what has been, written in the transaction of what happened.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("webhook_id", ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    #: What happened; a second one with the same key is not written.
    Column("key", String(160), nullable=False),
    Column("event", String(40), nullable=False),
    #: JSON as it is sent; nothing of any person but what somebody has searched for.
    Column("payload", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    #: waiting, sent or failed
    Column("state", String(10), nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_until", Moment),
    Column("ended_at", Moment),
    #: The last answer's HTTP status; None where there was none.
    Column("status", Integer),
    Column("fault", String(300), nullable=False),
    UniqueConstraint("webhook_id", "key"),
    Index(None, "state", "due_at"),
    Index(None, "ended_at"),
)

#: What has been said of each article, so that every change is said once.
announced_articles = Table(
    "announced_articles",
    metadata,
    Column("slug", String(120), primary_key=True),
    Column("language", String(2), primary_key=True),
    #: In the row without slug and language: when the newest generation that was compared was made.
    Column("fingerprint", String(16), nullable=False),
    Column("is_stale", Boolean, nullable=False),
)
