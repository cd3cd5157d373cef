"""SQLite files read as bytes: live rows, and what deleting them left behind.

Written from the file format's own description (sqlite.org/fileformat2.html), without SQLite: that library shows live
rows only, may write to what it opens, and stops at damage. Everything here is bounded by the size of the file.
"""
