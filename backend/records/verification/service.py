"""Anyone may check a transcript: by its code, or by the file itself.

On the code alone nothing about the pupil is shown, and an unknown code, one that is not public yet and one of which
everything was recalled give the same answer after the same single question. The Ministry's Cổng tra cứu is the legally
valid one (PL1 §1.1); the page says so.

Who asks here has no school, so these open their transactions themselves, one after the other and none around work
on a file: strangers do not use up the connections that schools need.
"""

import re
import time
import uuid
from collections.abc import Sequence

import msgspec

from backend.core import clock, storage
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession, tenant_session
from backend.core.errors import Invalid, NotFound
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import (
    ENDED,
    IN_FORCE,
    IssuedVersion,
    TranscriptId,
    VersionId,
    VersionState,
)
from backend.records.transparency import service as transparency
from backend.records.verification.schemas import (
    Answer,
    Shown,
    ShownYear,
    SignatureView,
    Standing,
    YearStanding,
)
from backend.remote_signing.archiving import service as archiving
from backend.remote_signing.formats.schemas import (
    SANDBOX_NOTICE,
    SUBJECT_TEACHER,
    Report,
    SignatureReport,
    Unreadable,
)
from backend.remote_signing.validation import service as signatures
from backend.tenants.schools import service as schools

_CODE = re.compile(r"[0-9a-f]{32}")
UNKNOWN_CODE = (
    "Không tìm thấy học bạ nào đã phát hành với mã này; hãy kiểm tra lại từng ký tự của mã tra cứu."
)
NOT_LOGGED = "Học bạ này đang chờ vào nhật ký minh bạch; xin thử lại sau ít phút."
#: Of what was issued and neither recalled nor replaced: what is not named is issued, and not in force yet.
_OF_STATE = {VersionState.LOCKED: Standing.IN_FORCE, VersionState.REJECTED: Standing.NOT_ACCEPTED}
#: What is said of a file, the best first.
_VERDICTS = ("valid", "indeterminate", "invalid")
#: Public files are read in a limited process; larger ones are refused at the door.
MAX_UPLOAD = 5_000_000
#: For so long (s) a file that was read and found whole is not fetched again, for as many files in each process.
SEEN_FOR, MOST_SEEN = 60.0, 2_000
_seen: dict[tuple[uuid.UUID, str], float] = {}
#: Whether subject teachers signed a version is frozen with it.
_in_parts: dict[VersionId, bool] = {}


async def check_code(code: str) -> Answer:
    """What is known about a lookup code. Raises NotFound in the same words for every code that answers nothing."""
    found = await transcripts.find_by_code(normal(code))
    if found is None:
        raise NotFound(UNKNOWN_CODE)
    return await answer_of(*found)


def normal(code: str) -> str:
    """A code as it is kept: people type spaces, dashes and capitals, and copy signs that nobody sees.

    What is no code becomes one that nobody has.
    """
    bare = re.sub(r"[\s\u00ad\u200b\u2060\ufeff-]", "", code).lower()
    return bare if _CODE.fullmatch(bare) else ""


async def check_file(data: bytes) -> Answer:
    """What a file says of itself, and whether the transcript that it names is in force.

    Raises Invalid for a file that is no signed transcript, Unavailable while too many others are being checked.
    """
    if len(data) > MAX_UPLOAD:
        raise Invalid(f"Tệp lớn hơn {MAX_UPLOAD // 1_000_000} MB nên không phải học bạ số; hãy chọn lại tệp.")
    try:
        report = await signatures.check_foreign(data, transcripts.SIGNING_ORDER)
    except Unreadable as error:
        raise Invalid(error.message) from error
    return await answer_about(data, report)


async def answer_about(data: bytes, report: Report) -> Answer:
    """A report about a file, and whether the transcript that it names is in force as far as is known here."""
    code = normal(report.lookup_code or "")
    found = await transcripts.find_by_code(code, held=True) if code else None
    versions = await _versions(*found) if found else []
    digests = {sha256_hex(data), *report.documents}
    if found and report.verdict == "valid":
        async with tenant_session(found[0], read_only=True) as session:
            digests |= {await archiving.issued_form(session, one) or "" for one in list(digests)}
    ours = next((one for one in versions if {one.signed_sha256, one.signed_xml_sha256} & digests), None)
    answer = with_report(report, ours, versions, school=None)
    return msgspec.structs.replace(answer, file_sha256=sha256_hex(data))


async def answer_of(tenant_id: uuid.UUID, transcript_id: TranscriptId) -> Answer:
    """What is known about the newest version of a transcript that stands. Raises NotFound where none does."""
    async with tenant_session(tenant_id, read_only=True) as session:
        versions = await transcripts.issued_of(session, transcript_id)
        newest = next((one for one in versions if one.state in IN_FORCE), None)
        if newest is None:
            raise NotFound(UNKNOWN_CODE)
        school = await schools.name_of(session)
        in_parts = await _is_in_parts(session, newest.id)
    report = await _report_of(tenant_id, newest.signed_sha256)
    if in_parts:
        report = _with_parts(report, await _report_of(tenant_id, newest.signed_xml_sha256 or ""))
    return with_report(report, newest, versions, school=school)


async def shown(tenant_id: uuid.UUID, transcript_id: TranscriptId) -> Shown:
    """What a transcript says, for who may see it; of one of which everything was recalled only that it was."""
    versions = await _versions(tenant_id, transcript_id)
    standing = _standing(versions)
    if not standing:
        report = await _report_of(tenant_id, versions[0].signed_sha256)
        return Shown(answer=with_report(report, versions[0], versions, school=None), years=())
    answer = await answer_of(tenant_id, transcript_id)
    async with tenant_session(tenant_id, read_only=True) as session:
        return Shown(answer=answer, years=tuple([await _year(session, one) for one in standing]))


async def file_of(
    tenant_id: uuid.UUID, transcript_id: TranscriptId, academic_year: str, kind: str
) -> tuple[bytes, IssuedVersion]:
    """A file of a year that stands: "pdf" and "xml" as they were signed, "json" is the content that was frozen.

    Raises NotFound for a year of which nothing stands.
    """
    versions = _standing(await _versions(tenant_id, transcript_id))
    version = next((one for one in versions if one.academic_year == academic_year), None)
    if version is None or kind not in ("pdf", "xml", "json"):
        raise NotFound("Năm học này không còn học bạ nào có giá trị để tải; hãy xem lại trang nội dung.")
    async with tenant_session(tenant_id, read_only=True) as session:
        if kind == "json":
            return await transcripts.canonical_content(session, version.id), version
        digest = await transcripts.digest_of_file(session, version.id, kind)
    return await storage.get(tenant_id, digest), version


async def _year(session: TenantSession, version: IssuedVersion) -> ShownYear:
    snapshot, view = await transcripts.shown_content(session, version.id)
    return ShownYear(
        academic_year=version.academic_year,
        version=version.number,
        class_name=snapshot.year.class_name,
        full_name=snapshot.student.full_name,
        born=snapshot.student.date_of_birth,
        view=view,
    )


def _standing(versions: Sequence[IssuedVersion]) -> list[IssuedVersion]:
    """The newest version of each year that stands, the newest year first."""
    years = {one.academic_year: one for one in reversed(versions) if one.state in IN_FORCE}
    return list(years.values())[::-1]


async def log_proof(code: str) -> tuple[str, IssuedVersion]:
    """The proof that the newest version of a code stands in the public log, as a file.

    Raises NotFound as `check_code`, and while the version waits for its number there; StoreDown.
    """
    found = await transcripts.find_by_code(normal(code))
    if found is None:
        raise NotFound(UNKNOWN_CODE)
    tenant_id, transcript_id = found
    async with tenant_session(tenant_id, read_only=True) as session:
        versions = await transcripts.issued_of(session, transcript_id)
        newest = next((one for one in versions if one.state in IN_FORCE), None)
        openings = await transparency.openings_of(session, newest.id) if newest else []
    if newest is None:
        raise NotFound(UNKNOWN_CODE)
    written = [one.written() for one in await transparency.prove(openings[:1])]
    if not written or written[0] is None:
        raise NotFound(NOT_LOGGED)
    return written[0], newest


async def _is_in_parts(session: TenantSession, version_id: VersionId) -> bool:
    known = _in_parts.get(version_id)
    if known is None:
        known = _in_parts[version_id] = await transcripts.is_signed_by_teachers(session, version_id)
        if len(_in_parts) > MOST_SEEN:
            del _in_parts[next(iter(_in_parts))]
    return known


async def _report_of(tenant_id: uuid.UUID, sha256: str) -> Report:
    """The report about a file of ours, which is fetched and read whole at least once a minute."""
    key, now = (tenant_id, sha256), time.monotonic()
    known = signatures.remembered(sha256, transcripts.SIGNING_ORDER)
    if known is not None and now - _seen.get(key, -SEEN_FOR) < SEEN_FOR:
        return known
    report = await signatures.check_own(await storage.get(tenant_id, sha256), transcripts.SIGNING_ORDER)
    _seen.pop(key, None)
    _seen[key] = now
    if len(_seen) > MOST_SEEN:
        del _seen[next(iter(_seen))]
    return report


def _with_parts(pdf: Report, xml: Report) -> Report:
    """The report about the PDF, and before its signatures those that stand in the XML alone: of subject teachers."""
    fields = {one.field for one in pdf.signatures}
    worst = max(pdf.verdict, xml.verdict, key=_VERDICTS.index)
    return msgspec.structs.replace(
        pdf,
        verdict=worst,
        signatures=(*(one for one in xml.signatures if one.field not in fields), *pdf.signatures),
        modified_after_signing=pdf.modified_after_signing or xml.modified_after_signing,
        problems=tuple(dict.fromkeys((*pdf.problems, *xml.problems))),
    )


async def _versions(tenant_id: uuid.UUID, transcript_id: TranscriptId) -> list[IssuedVersion]:
    async with tenant_session(tenant_id, read_only=True) as session:
        return await transcripts.issued_of(session, transcript_id)


def with_report(
    report: Report, ours: IssuedVersion | None, versions: Sequence[IssuedVersion], *, school: str | None
) -> Answer:
    """The three answers from a report about the bytes, and from what was issued of the same transcript."""
    standing, newer = None, None
    if ours is not None:
        newest = next(one for one in versions if one.academic_year == ours.academic_year)
        standing = standing_of(ours, newest)
        newer = newest if standing is Standing.SUPERSEDED else None
    return Answer(
        school=school,
        academic_year=ours.academic_year if ours else None,
        version=ours.number if ours else report.version,
        lookup_code=ours.lookup_code if ours else report.lookup_code,
        verdict=report.verdict,
        intact=not report.modified_after_signing and all(one.intact for one in report.signatures),
        signatures=tuple(map(_view, report.signatures)),
        standing=standing,
        issued_at=ours.issued_at if ours else None,
        recalled_at=ours.withdrawn_at if ours and standing is Standing.RECALLED else None,
        effective_on=ours.effective_on if ours else None,
        problems=report.problems + tuple(problem for one in report.signatures for problem in one.problems),
        notices=tuple(notice for notice in report.notices if notice != SANDBOX_NOTICE),
        sandbox=any(one.sandbox for one in report.signatures),
        replaced_by=newer.number if newer else None,
        replaced_at=newer.issued_at if newer else None,
        years=years_of(versions) if ours else (),
    )


def _view(one: SignatureReport) -> SignatureView:
    return SignatureView(
        role=SUBJECT_TEACHER if one.part else one.field,
        part=one.part,
        signer=one.signer,
        signed_at=one.signed_at,
        intact=one.intact,
        trusted=one.trusted,
        organisation=one.organisation,
        issuer=one.issuer,
        serial=one.serial,
        timestamped=one.timestamped,
        level=one.level,
    )


def years_of(versions: Sequence[IssuedVersion]) -> tuple[YearStanding, ...]:
    """The school years of which a version stands, the newest first."""
    return tuple(
        YearStanding(academic_year=one.academic_year, version=one.number, standing=standing_of(one, one))
        for one in _standing(versions)
    )


def standing_of(one: IssuedVersion, newest: IssuedVersion) -> Standing:
    """How a version stands whose year has come to `newest`, of those that were issued."""
    if one.id != newest.id:
        return Standing.SUPERSEDED
    if one.state in ENDED:
        return Standing.RECALLED
    if one.state == VersionState.TRANSFERRED_OUT and one.effective_on and one.effective_on <= clock.today():
        return Standing.IN_FORCE
    return _OF_STATE.get(VersionState(one.state), Standing.ISSUED)
