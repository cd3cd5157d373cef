"""Identifiers. Values that must never be swapped have different types.

People, apps and developers have dense numbers inside (a set of people is then a small bitmap); what leaves the
house is an outside id, a client id, or an app-scoped id. Everything else has a random id with a prefix that says
what it is: `grant_…`, `case_…`.
"""

from typing import NewType

PersonNumber = NewType("PersonNumber", int)
AppNumber = NewType("AppNumber", int)
DeveloperNumber = NewType("DeveloperNumber", int)

OutsideId = NewType("OutsideId", str)
"""The platform's own id of a person. It never leaves the directory."""
ScopedId = NewType("ScopedId", str)
"""What one app calls a person; another app's id of the same person cannot be joined to it."""
ClientId = NewType("ClientId", str)
"""What the outside calls an app (OAuth 2.0 `client_id`)."""

GrantId = NewType("GrantId", str)
FindingId = NewType("FindingId", str)
CaseId = NewType("CaseId", str)
SanctionId = NewType("SanctionId", str)
AppealId = NewType("AppealId", str)
CertificationId = NewType("CertificationId", str)
ExaminationId = NewType("ExaminationId", str)
CampaignId = NewType("CampaignId", str)
OperatorId = NewType("OperatorId", str)

NOBODY = PersonNumber(0)
"""No person has number 0; an erased person's place in an analytic table is filled with it."""
