"""Run by Alembic, over the connection that `chatkernel.store.migrate` hands it."""

from alembic import context

from chatkernel.store import rows

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=rows.Row.metadata,
    # SQLite can't alter a table in place: it is copied.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
