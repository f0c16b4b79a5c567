"""What is typed on the pages of running a school."""

from backend.core.errors import Invalid


def whole_number(typed: str, field: str) -> int:
    """A number as people type it. Raises Invalid that names the field."""
    digits = typed.strip().replace(".", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 6):
        raise Invalid(f"{field} phải là một số nguyên; xin nhập lại (đang nhập “{typed[:20]}”).")
    return int(digits)
