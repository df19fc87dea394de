"""Steps from one schema to the next, applied in order by Alembic; a step that was released never changes."""
