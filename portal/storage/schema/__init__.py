"""The tables; the migrations bring a database to this state."""

from portal.storage.schema.base import Moment, metadata
from portal.storage.schema.mail import outbox
from portal.storage.schema.people import people, sessions, sign_in_failures
from portal.storage.schema.searches import (
    daily_counts,
    doubts,
    form_sessions,
    frequent_queries,
    frequent_query_sessions,
    gap_sessions,
    needs_change,
    occurrences,
    search_events,
    votes,
    wordings,
)
from portal.storage.schema.tickets import events, link_requests, links, ratings, subscriptions, tickets

__all__ = [
    "Moment",
    "daily_counts",
    "doubts",
    "events",
    "form_sessions",
    "frequent_queries",
    "frequent_query_sessions",
    "gap_sessions",
    "link_requests",
    "links",
    "metadata",
    "needs_change",
    "occurrences",
    "outbox",
    "people",
    "ratings",
    "search_events",
    "sessions",
    "sign_in_failures",
    "subscriptions",
    "tickets",
    "votes",
    "wordings",
]
