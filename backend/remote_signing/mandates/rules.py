"""What a mandate may say, and what it allows at a moment. No I/O."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.remote_signing.credentials.schemas import CredentialView
from backend.remote_signing.mandates.schemas import Terms, Turn

#: More than a season, and more than a school has documents a day, nobody agrees to in advance.
MOST_DAYS, MOST_A_DAY, MAX_REASON = 92, 5000, 500


def checked_terms(typed: Mapping[str, str], today: date) -> Terms:
    """The limits as they were typed. Raises Invalid that names the field."""
    try:
        daily_limit = int(typed.get("so_luong", ""))
    except ValueError as error:
        raise Invalid("Mục “Số tài liệu mỗi ngày” phải là một số nguyên, ví dụ 500.") from error
    if not 0 < daily_limit <= MOST_A_DAY:
        raise Invalid(f"Mục “Số tài liệu mỗi ngày” phải từ 1 đến {MOST_A_DAY}.")
    opens, closes = (_time(typed, *one) for one in (("tu_gio", "Từ giờ"), ("den_gio", "Đến giờ")))
    if opens >= closes:
        raise Invalid("Mục “Đến giờ” phải sau mục “Từ giờ” trong cùng ngày.")
    try:
        last_day = date.fromisoformat(typed.get("den_ngay", ""))
    except ValueError as error:
        raise Invalid("Mục “Đến hết ngày” phải là một ngày, ví dụ 30/06/2026.") from error
    if not today <= last_day <= today + timedelta(days=MOST_DAYS):
        raise Invalid(f"Mục “Đến hết ngày” phải từ hôm nay đến nhiều nhất {MOST_DAYS} ngày nữa.")
    return Terms(daily_limit=daily_limit, opens=opens, closes=closes, last_day=last_day)


def _time(typed: Mapping[str, str], name: str, label: str) -> time:
    try:
        return time.fromisoformat(typed.get(name, "")).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError as error:
        raise Invalid(f"Mục “{label}” phải là giờ và phút, ví dụ 07:30.") from error


def turn(terms: Terms, now: datetime, sealed_today: int) -> Turn:
    """What may be sealed at that moment (in Vietnam), when so many were sealed on that day."""
    today = now.date()
    if today > terms.last_day:
        return Turn()
    clock_time = now.time().replace(tzinfo=None)
    if terms.opens <= clock_time < terms.closes and sealed_today < terms.daily_limit:
        return Turn(most=terms.daily_limit - sealed_today)
    next_day = today if clock_time < terms.opens else today + timedelta(days=1)
    if next_day > terms.last_day:
        return Turn()
    return Turn(wait=(datetime.combine(next_day, terms.opens, now.tzinfo) - now).total_seconds())


def described(terms: Terms, credential: CredentialView) -> str:
    """The sentence that a second person approves."""
    return (
        f"Con dấu số (chứng thư {credential.serial}) tự đóng những tài liệu đã đủ chữ ký trước đó, mỗi ngày nhiều nhất "
        f"{terms.daily_limit} tài liệu, từ {terms.opens:%H:%M} đến {terms.closes:%H:%M}, đến hết ngày "
        f"{terms.last_day:%d/%m/%Y}, không hỏi lại người giữ con dấu."
    )


def checked_reason(typed: str) -> str:
    """Why it ends. Raises Invalid without a word."""
    reason = check_text(typed, field="Lý do", person="con dấu số", limit=MAX_REASON)
    if not reason:
        raise Invalid("Mục “Lý do” đang trống; xin ghi một câu để người khác hiểu vì sao.")
    return reason
