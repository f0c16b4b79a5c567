"""Anyone may check a transcript: by its code, or by the file itself.

On the code alone nothing about the pupil is shown, and an unknown code and one that is not public give the same
answer. The Ministry's Cổng tra cứu is the legally valid one (PL1 §1.1); the page says so.

Who asks here has no school, so these open their transactions themselves, one after the other and none around work
on a file: strangers do not use up the connections that schools need.
"""

import re
import uuid

import msgspec

from backend.core import clock, storage
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession, tenant_session
from backend.core.errors import Invalid, NotFound
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import ENDED, TranscriptId, VersionState, VersionSummary
from backend.records.verification.schemas import Answer, SignatureView, Standing
from backend.remote_signing.archiving import service as archiving
from backend.remote_signing.formats.schemas import SANDBOX_NOTICE, SUBJECT_TEACHER, Report, Unreadable
from backend.remote_signing.validation import service as signatures
from backend.tenants.schools import service as schools

_CODE = re.compile(r"[0-9a-f]{32}")
UNKNOWN_CODE = (
    "Không tìm thấy học bạ nào đã phát hành với mã này; hãy kiểm tra lại từng ký tự của mã tra cứu."
)
#: Of what was issued and neither recalled nor replaced: what is not named is issued, and not in force yet.
_OF_STATE = {VersionState.LOCKED: Standing.IN_FORCE, VersionState.REJECTED: Standing.NOT_ACCEPTED}
#: What is said of a file, the best first.
_VERDICTS = ("valid", "indeterminate", "invalid")
#: Public files are read in a limited process; larger ones are refused at the door.
MAX_UPLOAD = 5_000_000


async def check_code(code: str) -> Answer:
    """What is known about a lookup code. Raises NotFound in the same words for every code that answers nothing."""
    found = await transcripts.find_by_code(normal(code))
    if found is None:
        raise NotFound(UNKNOWN_CODE)
    return await _answer(*found)


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
    found = await transcripts.find_by_code(code) if code else None
    versions = await _versions(*found) if found else []
    digests = {sha256_hex(data)}
    if found and report.verdict == "valid":
        async with tenant_session(found[0], read_only=True) as session:
            digests.add(await archiving.issued_form(session, sha256_hex(data)) or "")
    ours = next((one for one in versions if {one.signed_sha256, one.signed_xml_sha256} & digests), None)
    return _with_report(report, ours, versions, school=None)


async def _answer(tenant_id: uuid.UUID, transcript_id: TranscriptId) -> Answer:
    async with tenant_session(tenant_id, read_only=True) as session:
        versions = await _issued(session, transcript_id)
        school = await schools.get_school(session)
        newest = versions[0]
        in_parts = await transcripts.is_signed_by_teachers(session, newest.id)
    data = await storage.get(tenant_id, newest.signed_sha256 or "")
    report = await signatures.check_own(data, transcripts.SIGNING_ORDER)
    if in_parts:
        xml = await storage.get(tenant_id, newest.signed_xml_sha256 or "")
        report = _with_parts(report, await signatures.check_own(xml, transcripts.SIGNING_ORDER))
    return _with_report(report, newest, versions, school=school.name)


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


async def _versions(tenant_id: uuid.UUID, transcript_id: TranscriptId) -> list[VersionSummary]:
    async with tenant_session(tenant_id, read_only=True) as session:
        return await _issued(session, transcript_id)


async def _issued(session: TenantSession, transcript_id: TranscriptId) -> list[VersionSummary]:
    versions = await transcripts.versions_of_transcript(session, transcript_id)
    return [one for one in versions if one.issued_at is not None]


def _with_report(
    report: Report, ours: VersionSummary | None, versions: list[VersionSummary], *, school: str | None
) -> Answer:
    standing = None
    if ours is not None:
        of_year = [one for one in versions if one.academic_year == ours.academic_year]
        standing = _standing(ours, of_year[0])
    return Answer(
        school=school,
        academic_year=ours.academic_year if ours else None,
        version=ours.number if ours else report.version,
        lookup_code=ours.lookup_code if ours else report.lookup_code,
        verdict=report.verdict,
        intact=not report.modified_after_signing and all(one.intact for one in report.signatures),
        signatures=tuple(
            SignatureView(
                role=SUBJECT_TEACHER if one.part else one.field,
                part=one.part,
                signer=one.signer,
                signed_at=one.signed_at,
                intact=one.intact,
                trusted=one.trusted,
            )
            for one in report.signatures
        ),
        standing=standing,
        issued_at=ours.issued_at if ours else None,
        recalled_at=ours.withdrawn_at if ours and standing is Standing.RECALLED else None,
        effective_on=ours.effective_on if ours else None,
        problems=report.problems + tuple(problem for one in report.signatures for problem in one.problems),
        notices=tuple(notice for notice in report.notices if notice != SANDBOX_NOTICE),
        sandbox=any(one.sandbox for one in report.signatures),
    )


def _standing(one: VersionSummary, newest: VersionSummary) -> Standing:
    """How a version stands whose year has come to `newest`, of those that were issued."""
    if one.id != newest.id:
        return Standing.SUPERSEDED
    if one.state in ENDED:
        return Standing.RECALLED
    if one.state == VersionState.TRANSFERRED_OUT and one.effective_on and one.effective_on <= clock.today():
        return Standing.IN_FORCE
    return _OF_STATE.get(VersionState(one.state), Standing.ISSUED)
