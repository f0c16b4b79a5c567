"""What has to be said before a học bạ is shared, and when a link opens. Pure."""

import re
from datetime import date, datetime

from backend.core.errors import Forbidden, Invalid
from backend.core.text import check_text
from backend.records.shares.schemas import Means, NewRequest, NewShare, Relation

_MOST_LETTERS = 200
MOST_DAYS, USUAL_DAYS = 90, 30
#: From this age on the child's own consent is needed beside the representative's (Luật 91/2025/QH15 Đ.24).
OWN_CONSENT_FROM = 7
OF_AGE = 18
#: Wrong PINs after which a link is closed.
MOST_WRONG = 5
_TAX_CODE = re.compile(r"[0-9]{10}(?:[0-9]{3})?")
_NEW_ONE = "hãy xin gia đình hoặc nhà trường liên kết mới."


def read(
    recipient: str,
    purpose: str,
    days: str,
    with_data: bool,
    consent: tuple[str, str, str, str, bool],
    *,
    person: str,
    born: date,
    today: date,
) -> NewShare:
    """What was typed; `consent` is by whom, in which relation, how, on which day, and that the child agrees.

    Raises Invalid that names the field.
    """
    by, relation, means, day, child_agrees = consent
    if not days.strip().isdecimal() or not 1 <= int(days) <= MOST_DAYS:
        raise Invalid(f"“Số ngày có hiệu lực” là số từ 1 đến {MOST_DAYS}; sau đó liên kết tự đóng.")
    if relation not in set(Relation):
        raise Invalid(
            f"Hãy chọn ai đồng ý chia sẻ học bạ của {person}: cha, mẹ, người giám hộ hay chính học sinh."
        )
    if means not in set(Means):
        raise Invalid("Hãy chọn sự đồng ý được thể hiện bằng cách nào, để sau này chứng minh được.")
    agreed_on = _day(day, today)
    _require_consent(Relation(relation), child_agrees, age(born, agreed_on), person)
    return NewShare(
        recipient=_said(recipient, "Chia sẻ cho", person),
        purpose=_said(purpose, "Mục đích", person),
        days=int(days),
        with_data=with_data,
        consented_by=_said(by, "Người đồng ý", person),
        relation=Relation(relation),
        means=Means(means),
        consented_on=agreed_on,
        child_agrees=child_agrees,
    )


def read_request(
    organisation: str, code: str, contact: str, purpose: str, *, with_data: bool, is_known_school: bool
) -> NewRequest:
    """What an organisation typed. Raises Invalid that names the field."""
    bare = code.strip().replace("-", "").replace(" ", "")
    if not is_known_school and not _TAX_CODE.fullmatch(bare):
        raise Invalid("“Mã số thuế của cơ quan” gồm 10 hoặc 13 chữ số; hãy xem lại trên giấy tờ của cơ quan.")
    return NewRequest(
        organisation=_said(organisation, "Tên cơ quan, trường", "cơ quan"),
        organisation_code=bare,
        is_known_school=is_known_school,
        contact=_said(contact, "Người liên hệ, điện thoại hoặc thư", "cơ quan"),
        purpose=_said(purpose, "Mục đích", "cơ quan"),
        with_data=with_data,
    )


def age(born: date, on: date) -> int:
    """Full years on a day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _require_consent(relation: Relation, child_agrees: bool, years: int, person: str) -> None:
    if relation is Relation.SELF and years < OF_AGE:
        raise Invalid(
            f"{person} chưa đủ 18 tuổi nên cha, mẹ hoặc người giám hộ phải đồng ý (Luật 91/2025/QH15 Đ.24)."
        )
    if relation is not Relation.SELF and years >= OWN_CONSENT_FROM and not child_agrees:
        raise Invalid(
            f"{person} đã từ đủ 7 tuổi nên phải có cả sự đồng ý của học sinh (Luật 91/2025/QH15 Đ.24); hãy hỏi rồi đánh "
            "dấu."
        )


def _day(typed: str, today: date) -> date:
    try:
        found = date.fromisoformat(typed.strip())
    except ValueError:
        raise Invalid("Hãy chọn ngày mà gia đình đồng ý.") from None
    if found > today:
        raise Invalid("Ngày mà gia đình đồng ý không thể sau hôm nay.")
    return found


def _said(typed: str, field: str, person: str) -> str:
    text = check_text(typed, field=field, person=person, limit=_MOST_LETTERS)
    if not text:
        raise Invalid(f"Hãy ghi mục “{field}”; nội dung này được lưu cùng sự đồng ý.")
    return text


def why_closed(
    *, revoked_at: datetime | None, by_family: bool, expires_at: datetime, wrong: int, now: datetime, day: str
) -> str:
    """Why a link does not open, in a sentence for who holds it; "" where it does. `day` is that of its end, written."""
    if revoked_at is not None:
        who = "gia đình học sinh" if by_family else "nhà trường"
        return (
            f"Liên kết này đã bị {who} thu hồi ngày {day} nên không mở được nữa; cần xem tiếp thì hãy hỏi gia đình hoặc "
            "nhà trường."
        )
    if wrong >= MOST_WRONG:
        return f"Liên kết này đã đóng vì mã PIN bị nhập sai {MOST_WRONG} lần; {_NEW_ONE}"
    if now >= expires_at:
        return f"Liên kết này đã hết hạn ngày {day}; {_NEW_ONE}"
    return ""


def require_open(words: str) -> None:
    """Raises Forbidden with the reason for which a link is closed."""
    if words:
        raise Forbidden(words)
