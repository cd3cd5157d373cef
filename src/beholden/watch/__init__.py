"""Which apps look suspicious: features and rules as expressions; no execution, no sanction."""
