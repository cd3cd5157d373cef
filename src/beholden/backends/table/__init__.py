"""The decision table as files of one host: written by one follower, mapped by every worker (decision 0004)."""
