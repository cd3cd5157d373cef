"""May this app have these fields of this person now, and why."""
