"""The store on SQLite (WAL) or PostgreSQL, through SQLAlchemy, with the same statements for both."""
