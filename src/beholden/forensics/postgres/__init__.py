"""PostgreSQL's files read as bytes: heaps, their TOAST tables and indexes, and the write-ahead log.

Written from PostgreSQL's own description of its storage (its manual, part "Database Physical Storage", and the
comments of bufpage.h, htup_details.h, varatt.h, xlogrecord.h). No server is needed and none is asked. A file is
recognised alone; where its data directory lies beside it, the catalog there names tables and columns, and pg_xact says
which transactions were committed. Numbers are little-endian, as every server of today writes them.
"""
