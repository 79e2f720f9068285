"""Runs migrations on the connection that `portal.storage.migration` gives."""

from alembic import context

from portal.storage.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
