"""The decision table: one flat file that every worker of a host maps, and one follower writes (decision 0004).

`layout` says where what stands and whether a file may be trusted, `records` how the few (shapes, apps, the policy) are
written, `assemble` makes a file's contents from columns, `view` reads it. Nothing here opens anything.
"""
