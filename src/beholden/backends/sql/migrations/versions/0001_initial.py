"""Every table of the first release. Written by `python -m beholden.backends.sql.schema`."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables; a new database has no others."""
    op.create_table(
        "appeals",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("sanction", sa.String(length=80), nullable=False),
        sa.Column("developer", sa.BigInteger(), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("filed_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("decided_entry", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_appeals_developer"), "appeals", ["developer"], unique=False)
    op.create_index(op.f("ix_appeals_sanction"), "appeals", ["sanction"], unique=False)
    op.create_table(
        "callback_addresses",
        sa.Column("app", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("deauthorize", sa.String(length=500), nullable=False),
        sa.Column("deletion", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("app"),
    )
    op.create_table(
        "callback_calls",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("trouble", sa.String(length=500), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("url", sa.String(length=1000), nullable=False),
        sa.Column("confirmation", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("person", "id"),
    )
    op.create_index("callback_calls_by_app", "callback_calls", ["app", "at"], unique=False)
    op.create_index("callback_calls_by_state", "callback_calls", ["state", "at"], unique=False)
    op.create_table(
        "canaries",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=True),
        sa.Column("planted_at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
    )
    op.create_table(
        "case_answers",
        sa.Column("case", sa.String(length=80), nullable=False),
        sa.Column("rfi", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("question", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("case", "rfi", "position"),
    )
    op.create_table(
        "case_events",
        sa.Column("case", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("actor_kind", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case", "position"),
    )
    op.create_table(
        "case_rfis",
        sa.Column("case", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("questions", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case", "number"),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("developer", sa.BigInteger(), nullable=False),
        sa.Column("apps", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("cases_by_due", "cases", ["due"], unique=False)
    op.create_index(op.f("ix_cases_developer"), "cases", ["developer"], unique=False)
    op.create_table(
        "certifications",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("developer", sa.BigInteger(), nullable=False),
        sa.Column("case", sa.String(length=80), nullable=True),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("signature_state", sa.String(length=20), nullable=False),
        sa.Column("defects", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("received_from", sa.String(length=200), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_certifications_case"), "certifications", ["case"], unique=False)
    op.create_index(op.f("ix_certifications_developer"), "certifications", ["developer"], unique=False)
    op.create_table(
        "change_head",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("pruned", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one"),
    )
    op.create_table(
        "changes",
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("nth", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("epoch", "nth"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "choices",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scope", sa.String(length=20), nullable=False),
        sa.Column("target", sa.String(length=80), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("sharing", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("person", "scope", "target", "since"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "client_secrets",
        sa.Column("app", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("app", "digest"),
    )
    op.create_table(
        "consent_answers",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("app", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("nth", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("allowed", sa.Text(), nullable=False),
        sa.Column("grant", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("person", "app", "nth"),
    )
    op.create_index("consent_answers_by_app", "consent_answers", ["app", "at"], unique=False)
    op.create_table(
        "consent_places",
        sa.Column("app", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("app"),
    )
    op.create_table(
        "contracts",
        sa.Column("app", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cluster", sa.String(length=80), nullable=False),
        sa.Column("signatory", sa.String(length=200), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.Column("terms_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("app", "cluster"),
    )
    op.create_table(
        "deletion_requests",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "code"),
    )
    op.create_index("deletion_requests_by_app", "deletion_requests", ["app", "at"], unique=False)
    op.create_table(
        "developer_keys",
        sa.Column("developer", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=44), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("developer", "key"),
    )
    op.create_table(
        "developers",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "examinations",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=True),
        sa.Column("claim", sa.String(length=200), nullable=True),
        sa.Column("operator", sa.String(length=200), nullable=False),
        sa.Column("paths", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=False),
        sa.Column("report_sha256", sa.String(length=64), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_examinations_app"), "examinations", ["app"], unique=False)
    op.create_table(
        "expiry_warnings",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("grant", sa.String(length=80), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("reply", sa.String(length=500), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person", "grant", "ends_at", "days"),
    )
    op.create_index("expiry_warnings_by_state", "expiry_warnings", ["state", "person", "grant"], unique=False)
    op.create_table(
        "finding_verdicts",
        sa.Column("finding", sa.String(length=80), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("operator", sa.String(length=80), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("finding"),
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=False),
        sa.Column("developer", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.Column("baseline", sa.Text(), nullable=False),
        sa.Column("rows_only", sa.String(length=20), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_findings_app"), "findings", ["app"], unique=False)
    op.create_table(
        "grants",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("through_fields", sa.Text(), nullable=False),
        sa.Column("purposes", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("grants_by_app", "grants", ["app", "state", "person"], unique=False)
    op.create_index("grants_by_id", "grants", ["id"], unique=False)
    op.create_table(
        "notice_batches",
        sa.Column("campaign", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("people", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.LargeBinary(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("campaign", "number"),
    )
    op.create_table(
        "notice_campaigns",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("apps", sa.Text(), nullable=False),
        sa.Column("case", sa.String(length=80), nullable=True),
        sa.Column("happened", sa.Text(), nullable=False),
        sa.Column("measures", sa.Text(), nullable=False),
        sa.Column("contact", sa.String(length=320), nullable=False),
        sa.Column("secret", sa.LargeBinary(length=32), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("drafted_at", sa.BigInteger(), nullable=False),
        sa.Column("drafted_by", sa.String(length=200), nullable=False),
        sa.Column("frozen_at", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("direct", sa.BigInteger(), nullable=False),
        sa.Column("indirect", sa.BigInteger(), nullable=False),
        sa.Column("erased", sa.BigInteger(), nullable=False),
        sa.Column("ledger_size", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("sending_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("batches", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "notice_cohorts",
        sa.Column("campaign", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shares", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "number"),
    )
    op.create_table(
        "notice_doubts",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign", sa.String(length=80), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "campaign"),
    )
    op.create_index("notice_doubts_by_campaign", "notice_doubts", ["campaign"], unique=False)
    op.create_table(
        "notice_members",
        sa.Column("container", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign", sa.String(length=80), nullable=False),
        sa.Column("cohort", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("people", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("container", "campaign", "cohort"),
    )
    op.create_index("notice_members_by_campaign", "notice_members", ["campaign"], unique=False)
    op.create_table(
        "notice_seen",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign", sa.String(length=80), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "campaign"),
    )
    op.create_table(
        "notice_troubles",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reply", sa.String(length=500), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person", "campaign"),
    )
    op.create_index("notice_troubles_by_campaign", "notice_troubles", ["campaign", "kind", "next_at"], unique=False)
    op.create_table(
        "number_blocks",
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("first"),
    )
    op.create_table(
        "oauth_client_terms",
        sa.Column("app", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("push", sa.Boolean(), nullable=False),
        sa.Column("dpop", sa.Boolean(), nullable=False),
        sa.Column("manages", sa.Boolean(), nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("app"),
    )
    op.create_table(
        "oauth_codes",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=False),
        sa.Column("grant", sa.String(length=80), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("challenge", sa.String(length=43), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("family", sa.String(length=80), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("jkt", sa.String(length=43), nullable=True),
        sa.PrimaryKeyConstraint("person", "digest"),
    )
    op.create_index("oauth_codes_by_digest", "oauth_codes", ["digest"], unique=True)
    op.create_index("oauth_codes_by_end", "oauth_codes", ["expires_at"], unique=False)
    op.create_table(
        "oauth_pushed_requests",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=False),
        sa.Column("pairs", sa.Text(), nullable=False),
        sa.Column("pushed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("oauth_pushed_requests_by_end", "oauth_pushed_requests", ["expires_at"], unique=False)
    op.create_table(
        "oauth_seen_once",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("oauth_seen_once_by_end", "oauth_seen_once", ["until"], unique=False)
    op.create_table(
        "oauth_tokens",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=False),
        sa.Column("grant", sa.String(length=80), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("family", sa.String(length=80), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("jkt", sa.String(length=43), nullable=True),
        sa.PrimaryKeyConstraint("person", "digest"),
    )
    op.create_index("oauth_tokens_by_app", "oauth_tokens", ["app"], unique=False)
    op.create_index("oauth_tokens_by_digest", "oauth_tokens", ["digest"], unique=True)
    op.create_index("oauth_tokens_by_end", "oauth_tokens", ["expires_at"], unique=False)
    op.create_index("oauth_tokens_by_grant", "oauth_tokens", ["grant"], unique=False)
    op.create_table(
        "objections",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "people",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("outside_id", sa.String(length=200), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("outside_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "person_keys",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("person"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "platform_keys",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("caller", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("id"),
    )
    op.create_table(
        "policy_documents",
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("since"),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=False),
        sa.Column("cluster", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_reviews_app"), "reviews", ["app"], unique=False)
    op.create_table(
        "sanction_events",
        sa.Column("sanction", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("move", sa.String(length=20), nullable=False),
        sa.Column("actor_kind", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sanction", "position"),
    )
    op.create_table(
        "sanctions",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("developer", sa.BigInteger(), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=True),
        sa.Column("case", sa.String(length=80), nullable=True),
        sa.Column("rule", sa.String(length=60), nullable=True),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_sanctions_developer"), "sanctions", ["developer"], unique=False)
    op.create_index(op.f("ix_sanctions_state"), "sanctions", ["state"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    op.create_index("sessions_by_subject", "sessions", ["kind", "subject"], unique=False)
    op.create_table(
        "sign_in_links",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index(op.f("ix_sign_in_links_expires_at"), "sign_in_links", ["expires_at"], unique=False)
    op.create_index("sign_in_links_by_subject", "sign_in_links", ["kind", "subject"], unique=False)
    op.create_table(
        "signal_entries",
        sa.Column("stream", sa.String(length=80), nullable=False),
        sa.Column("jti", sa.String(length=80), nullable=False),
        sa.Column("txn", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.BigInteger(), nullable=True),
        sa.Column("grant_id", sa.String(length=80), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.String(length=20), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("trouble", sa.String(length=500), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "jti"),
    )
    op.create_index(op.f("ix_signal_entries_subject"), "signal_entries", ["subject"], unique=False)
    op.create_index("signal_entries_by_end", "signal_entries", ["settled_at"], unique=False)
    op.create_index("signal_entries_by_queue", "signal_entries", ["stream", "settled", "at"], unique=False)
    op.create_table(
        "signal_streams",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("app", sa.BigInteger(), nullable=True),
        sa.Column("audience", sa.String(length=200), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("endpoint", sa.String(length=500), nullable=False),
        sa.Column("authorization", sa.String(length=500), nullable=False),
        sa.Column("requested", sa.Text(), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("trouble", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_signal_streams_owner"), "signal_streams", ["owner"], unique=False)
    op.create_table(
        "standings",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("standing", sa.String(length=20), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("sanction", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("kind", "number"),
    )
    op.create_table(
        "uses",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("app", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "app", "day"),
        sqlite_with_rowid=False,
    )
    op.create_index("uses_by_app", "uses", ["app", "day"], unique=False)
    op.create_table(
        "apps",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("client_id", sa.String(length=80), nullable=False),
        sa.Column("developer", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category", sa.String(length=80), nullable=False),
        sa.Column("redirect_uris", sa.Text(), nullable=False),
        sa.Column("asks", sa.Text(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["developer"],
            ["developers.number"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("client_id"),
    )
    op.create_index(op.f("ix_apps_developer"), "apps", ["developer"], unique=False)
