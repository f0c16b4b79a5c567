"""Their list against ours. Nothing here changes what we know: a contradiction is shown to people. No I/O."""

from collections.abc import Sequence
from datetime import date, timedelta

from backend.integrations.profiles.schemas import Listed, Standing, Window
from backend.integrations.reconciliation.schemas import Comparison, Finding, Kind, Ours

#: So long before the first and after the last of an Authority's days lists are compared.
_BEFORE, _AFTER = timedelta(days=60), timedelta(days=45)
#: Our state of a message → what their list may say of it without a difference. Of what is under way anything may stand.
_AGREES: dict[str, frozenset[Standing]] = {
    "accepted": frozenset({"accepted", "locked"}),
    "rejected": frozenset({"rejected"}),
}
_WITHDRAWN: frozenset[Standing] = frozenset({"recalled", "replaced"})
_OPEN = frozenset({"received", "unknown"})
_NAMES = {
    "accepted": "Được chấp nhận",
    "locked": "Đã chốt",
    "rejected": "Bị từ chối",
    "processing": "Đang xử lý",
    "recalled": "Đã thu hồi",
    "replaced": "Đã được thay thế",
}
_NOT_THERE, _NEVER_SENT = "Không có trong danh sách", "Trường không gửi thông điệp này"
_OTHER_RECORD = "Nói về học bạ khác"


def is_season(calendar: Sequence[Window], today: date) -> bool:
    """Whether today lies about the days of an Authority's plan; one without days is always in season."""
    if not calendar:
        return True
    days = [
        date.fromisoformat(f"{year}-{day}")
        for year in (today.year - 1, today.year, today.year + 1)
        for window in calendar
        for day in (window.opens or window.closes, window.closes)
    ]
    return any(day - _BEFORE <= today <= day + _AFTER for day in days)


def compare(ours: Sequence[Ours], theirs: Sequence[Listed]) -> Comparison:
    """Every message of either side, once. A message that their list names twice counts as it stands there last."""
    listed = {one.message_id.lower(): one for one in theirs}
    findings: list[Finding] = []
    known_there = []
    matched = 0
    for one in ours:
        there = listed.pop(one.message_id.lower(), None)
        if there is not None and one.state in _OPEN and not one.withdrawn:
            known_there.append(one.delivery_id)
        found = _difference(one, there)
        if found is not None:
            findings.append(found)
        elif there is not None:
            matched += 1
    findings += [_extra(one) for one in listed.values()]
    order = list(Kind)
    findings.sort(key=lambda one: (order.index(one.kind), one.label, one.message_id))
    return Comparison(matched=matched, findings=tuple(findings), known_there=tuple(known_there))


def _difference(one: Ours, there: Listed | None) -> Finding | None:
    if there is None:
        # What was taken back, or never taken in, need not be listed.
        is_missing = one.state == "accepted" and not one.withdrawn
        return _finding(Kind.MISSING, one, _NAMES["accepted"], _NOT_THERE) if is_missing else None
    if (there.lookup_code.lower(), there.version) != (one.lookup_code.lower(), one.version):
        return _finding(Kind.CONTENT, one, f"{one.lookup_code}, phiên bản {one.version}", _OTHER_RECORD)
    if there.sha256.lower() != one.sha256:
        return _finding(Kind.CONTENT, one, one.sha256[:16], there.sha256[:16])
    agreed = _WITHDRAWN if one.withdrawn else _AGREES.get(one.state)
    if agreed is not None and there.state not in agreed:
        ours = "Đã thu hồi hoặc thay thế" if one.withdrawn else _NAMES[one.state]
        return _finding(Kind.STATE, one, ours, _NAMES[there.state])
    return None


def _finding(kind: Kind, one: Ours, ours: str, theirs: str) -> Finding:
    return Finding(
        kind=kind,
        message_id=one.message_id,
        label=one.label,
        delivery_id=one.delivery_id,
        ours=ours,
        theirs=theirs,
    )


def _extra(one: Listed) -> Finding:
    return Finding(
        kind=Kind.EXTRA,
        message_id=one.message_id,
        label=f"Mã tra cứu {one.lookup_code}",
        delivery_id=None,
        ours=_NEVER_SENT,
        theirs=_NAMES[one.state],
    )
