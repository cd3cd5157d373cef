"""Alembic's entry: migrations run in the transaction that `migrate` hands over, all or none."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
