"""How Alembic runs our migrations: over the connection it is handed, within that connection's transaction."""

from alembic import context

from fleetsync.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite alters a table by building it anew.
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
