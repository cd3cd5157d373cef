"""The design's words, read literally, as one plain list of ifs. It imports nothing of ours, on purpose.

A world is a dict: `lag_ms`, `lag_limit_ms`, `now`, `app`, `grant`, `granter`, `subject` (None where unknown), `field`,
its `cluster` and `class_of_field` (None where no catalogue has it), `purpose`, and the policy's switches.
"""

from datetime import timedelta


def answer(world: dict) -> str:  # noqa: PLR0912 - it is long because the promise is
    """Either "allowed", or why not."""
    app, grant, granter, subject = world["app"], world["grant"], world["granter"], world["subject"]
    if not world["lag_ms"] <= world["lag_limit_ms"]:
        return "gate_stale"  # law 4
    if app is None:
        return "app_unknown"
    for bad in ("banned", "suspended"):  # R2: the developer's fall is all its apps' fall
        for who in ("developer", "app"):
            if app[who] == bad:
                return f"{who}_{bad}"
    no_grant = granter is None or grant is None or grant["person"] != granter["number"] or grant["app"] != app["number"]
    if no_grant:
        return "person_unknown" if subject is None else "no_grant"
    if grant["state"] != "active":
        return {"expired": "grant_expired", "revoked": "grant_ended"}[grant["state"]]
    if grant["ends_at"] is not None and world["now"] >= grant["ends_at"]:
        return "grant_expired"
    if subject is None:
        return "person_unknown"
    direct = subject["number"] == granter["number"]
    for person, off, asleep in ((subject, None, "inactive"), (granter, "granter_opted_out", "granter_inactive")):
        if person["all_off"]:  # R7
            return off or "opted_out_all"
        if person["app_off"]:
            return off or "opted_out_app"
        if person["had_grant"] and world["inactivity_days"] is not None:  # R6, laws 2 and 6
            used = person["last_use"]
            if used is None or world["now"] - used >= timedelta(days=world["inactivity_days"]):
                return asleep
    said = subject["indirect"]
    if not direct and not (said if said is not None else world["indirect_by_default"]):
        return "indirect_off"
    if world["class_of_field"] is None:
        return "field_unknown"
    if world["field"] not in (grant["fields"] if direct else grant["through_fields"]):
        return "field_not_granted"
    if world["cluster"] in subject["clusters_off"]:
        return "opted_out_cluster"
    if world["purpose"] not in grant["purposes"]:
        return "purpose_not_granted"
    if world["class_of_field"] == "basic":
        return "allowed"
    if "restricted" in (app["app"], app["developer"]):  # R8
        return "restricted"
    ends = app["approvals"].get((world["cluster"], world["purpose"]), "none")
    if world["review_required"] and (ends == "none" or (ends is not None and world["now"] >= ends)):
        return "not_approved"
    if world["contract_required"] and world["cluster"] not in app["contracts"]:
        return "no_contract"
    return "allowed"
