"""What may be filled in for an account at a provider. No I/O."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from backend.core.errors import Invalid
from backend.remote_signing.accounts.schemas import AccessState, AccessView, OwnValues
from backend.remote_signing.providers.port import AccountField

#: Longest value, in characters: a private key in PEM fits.
LONGEST = 8000
#: A link that ends within so many days is spoken of.
SOON_DAYS = 14


def checked(fields: Sequence[AccountField], typed: Mapping[str, str], label: str) -> OwnValues:
    """All fields filled in. Raises Invalid that names the field, never what was typed."""
    values = {one.name: typed.get(one.name, "").strip() for one in fields}
    for one in fields:
        if not values[one.name]:
            raise Invalid(f"Mục “{one.label}” của {label} đang trống; xin ghi đúng như nhà cung cấp đã cấp.")
        if len(values[one.name]) > LONGEST:
            raise Invalid(f"Mục “{one.label}” của {label} dài quá {LONGEST} ký tự; xin kiểm tra lại.")
    return OwnValues(values)


def described(fields: Sequence[AccountField], values: OwnValues, label: str) -> str:
    """The sentence that a second person approves: what is not secret in full, of secrets only that they are there."""
    shown = [f"{one.label} {values.by_field[one.name]}" for one in fields if not one.secret]
    hidden = [f"{one.label} (không hiển thị)" for one in fields if one.secret]
    return f"Dùng tài khoản riêng của trường tại {label}: {'; '.join(shown + hidden)}."


def access_warning(link: AccessView, now: datetime) -> str | None:
    """What is to be done about a link that ends soon or is over, in a sentence; None while there is nothing to do."""
    named = f"Liên kết của tài khoản {link.account} tại {link.provider_name}"
    if link.state is AccessState.TAKEN_BACK:
        return None
    if link.state is AccessState.REFUSED:
        return f"{named} không còn được nhà cung cấp chấp nhận; hãy liên kết lại trước khi ký."
    if link.ends_at <= now:
        return f"{named} đã hết hạn ngày {link.ends_at:%d/%m/%Y}; hãy liên kết lại trước khi ký."
    left = (link.ends_at - now).days
    if left < SOON_DAYS:
        return (
            f"{named} hết hạn ngày {link.ends_at:%d/%m/%Y}, còn {left} ngày; hãy liên kết lại trước ngày đó."
        )
    return None
