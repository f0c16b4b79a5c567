"""A portal that a person uses: the file to carry there, and the receipt that comes back.

From the file to the receipt nobody knows more than that a person took it; what a receipt says is read by the profile,
line by line, and all of it or nothing is believed.
"""

import uuid
from collections.abc import Sequence

import msgspec

from backend.core import storage
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import Endpoint
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries.schemas import CarriedFile, DeliverySummary, Sending
from backend.integrations.imports import service as workbooks
from backend.integrations.portal import rules
from backend.integrations.portal.schemas import Desk, Line
from backend.integrations.profiles import answers, messages
from backend.integrations.profiles.answers import Reading
from backend.integrations.profiles.schemas import Answer, Sheet

XLSX, MAX_UPLOAD = workbooks.XLSX, workbooks.MAX_UPLOAD


async def desks(session: TenantSession) -> list[Desk]:
    """The portals to which something is to be carried, or was, without a receipt yet."""
    waiting = await deliveries.waiting_by_class(session)
    files = await deliveries.files_carried(session)
    both = [one.authority for one in waiting] + [one.authority for one in files]
    return [
        Desk(
            authority=authority,
            name=authorities.name_of(authority),
            steps=authorities.published_profile(authority).transport.steps,
            waiting=tuple(one for one in waiting if one.authority == authority),
            files=tuple(one for one in files if one.authority == authority),
        )
        for authority in dict.fromkeys(both)
    ]


async def recalls(session: TenantSession) -> list[DeliverySummary]:
    """What a letter has to ask for: no portal takes anything back."""
    return await deliveries.waiting_recalls(session)


async def keep_letter(tenant_id: uuid.UUID, letter: bytes) -> None:
    """Keep the bytes of what the Authority wrote. Outside any transaction."""
    await storage.put(tenant_id, letter)
    await storage.put(tenant_id, b"")


async def record_letter(
    session: TenantSession, actor: Actor, delivery_id: uuid.UUID, number: str, refusal: str, letter: bytes
) -> None:
    """What the Authority answered about a recall. Raises NotFound, Conflict, Invalid without a number or a letter."""
    await deliveries.get_delivery(session, delivery_id)
    number, refusal = number.strip(), refusal.strip()
    if not letter:
        raise Invalid("Bạn chưa chọn bản chụp văn bản trả lời; hãy chọn tệp rồi ghi lại.")
    if not number or len(number) > rules.LONGEST_NUMBER:
        raise Invalid(
            "Số văn bản trả lời: chưa điền hoặc quá dài; hãy chép như trên văn bản, ví dụ 125/SGDĐT-QLCL."
        )
    await deliveries.record_letter(session, actor, delivery_id, number, refusal, letter)


async def prepare(session: TenantSession, authority: str, class_name: str | None) -> list[Line]:
    """What waits for this portal as lines of its file. Raises Conflict where nothing does.

    Grades for which the portal has another workbook go into the next file.
    """
    found = await deliveries.to_carry(session, authority, class_name)
    if not found:
        raise Conflict("Không còn học bạ nào chờ nộp ở đây; hãy mở lại trang.")
    return _lines([one for one in found if _sheet(one) == _sheet(found[0])])


async def written(tenant_id: uuid.UUID, lines: Sequence[Line]) -> bytes:
    """The file of the portal with these lines, kept in the store. Outside any transaction."""
    endpoint, sheet = lines[0].sending.endpoint, _sheet(lines[0].sending)
    template = endpoint.files[sheet.template]
    content = await workbooks.lines_below(
        template, sheet.first_row, list(rules.numbered(lines, sheet).values())
    )
    await storage.put(tenant_id, content)
    return content


async def hand_over(session: TenantSession, actor: Actor, lines: Sequence[Line], content: bytes) -> None:
    """A person takes the file. Raises Conflict when somebody has taken one of these meanwhile."""
    file = storage.file_of(content, XLSX)
    await storage.register(session, file)
    await deliveries.hand_over(session, actor, [line.sending.delivery_id for line in lines], file.sha256)


async def file_of(session: TenantSession, sha256: str) -> CarriedFile:
    """A file that was taken and has no receipt. Raises NotFound."""
    for one in await deliveries.files_carried(session):
        if one.sha256 == sha256:
            return one
    raise NotFound("Không tìm thấy tệp đang chờ biên nhận này.")


async def take_back(session: TenantSession, actor: Actor, sha256: str) -> None:
    """The file never reached the portal: what was in it waits again. Raises NotFound."""
    await deliveries.take_back(session, actor, await file_of(session, sha256))


async def read_receipt(tenant_id: uuid.UUID, receipt: bytes) -> list[list[list[str]]]:
    """The cells of what a person brought, which is kept in the store. Outside any transaction. Raises Conflict."""
    sheets = await workbooks.read_cells(receipt)
    await storage.put(tenant_id, receipt)
    await storage.put(tenant_id, b"")
    return sheets


async def record_receipt(
    session: TenantSession, actor: Actor, sha256: str, receipt: bytes, sheets: list[list[list[str]]]
) -> int:
    """What the receipt says of everything in the file; counts it. Raises NotFound, Invalid with what is wrong with it."""
    lines = _lines(await deliveries.carried(session, await file_of(session, sha256)))
    endpoint, sheet = lines[0].sending.endpoint, _sheet(lines[0].sending)
    key = _key(endpoint)
    rows = rules.by_key(rules.rows_of(sheets, sheet.first_row, key), rules.numbered(lines, sheet), key)
    readings: list[tuple[Sending, Reading]] = []
    unread = []
    for line in lines:
        number, cells = rows[line.key]
        reading = answers.read(_answer(endpoint), 200, msgspec.json.encode(cells), line.key)
        if reading is None or reading.meaning == "processing":
            unread.append(
                f"Dòng {number}: không rõ cổng đã nhận mã “{line.key}” hay chưa; hãy hỏi cơ quan tiếp nhận."
            )
        else:
            readings.append((line.sending, reading))
    rules.refuse(unread)
    await deliveries.record_receipt(session, actor, readings, receipt)
    return len(readings)


def _lines(sendings: Sequence[Sending]) -> list[Line]:
    made = []
    for one in sendings:
        profile = one.endpoint.profile
        body = profile.operations.send.body
        assert body is not None
        known = messages.known_of(profile, one.endpoint.parameters)
        cells = msgspec.json.decode(messages.write(body, one.message(b""), known))
        texts = {column: str(value) for column, value in cells.items() if value != ""}
        made.append(Line(sending=one, key=texts[_key(one.endpoint)], cells=texts))
    return made


def _sheet(sending: Sending) -> Sheet:
    body = sending.endpoint.profile.operations.send.body
    assert body is not None
    sheet = messages.laid_out(body, sending.record).sheet
    assert sheet is not None
    return sheet


def _answer(endpoint: Endpoint) -> Answer:
    answer = endpoint.profile.operations.query.answer
    assert answer is not None
    return answer


def _key(endpoint: Endpoint) -> str:
    """The column by which the receipt names a line."""
    answer = _answer(endpoint)
    return answer.facts[answer.message_id].path
