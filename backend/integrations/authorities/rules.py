"""What a school may bind, and what it has to fill in. No I/O."""

import re
from collections.abc import Mapping
from datetime import date

from backend.core.errors import Invalid
from backend.integrations.profiles.schemas import Asked, Profile

#: Characters; a secret may be a key with its certificates.
_LONGEST, _LONGEST_SECRET = 400, 16_000


def is_in_force(profile: Profile, today: date) -> bool:
    """Whether the Authority is talked to so today."""
    authority = profile.authority
    return authority.effective_from <= today and (
        authority.effective_until is None or today <= authority.effective_until
    )


def parameters(profile: Profile, given: Mapping[str, str]) -> dict[str, str]:
    """What was filled in, of what the profile asks for. Raises Invalid, which names the field."""
    return {
        name: _filled(asked, given.get(name, "").strip(), _LONGEST)
        for name, asked in profile.parameters.items()
    }


def secrets(profile: Profile, given: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    """The secrets that the profile asks for; one that is left empty stays as it is. Raises Invalid."""
    return {
        name: _filled(asked, given.get(name, "").strip() or kept.get(name, ""), _LONGEST_SECRET)
        for name, asked in profile.secrets.items()
    }


def _filled(asked: Asked, value: str, longest: int) -> str:
    if not value:
        raise Invalid(f"{asked.title}: chưa điền; hãy điền như cơ quan tiếp nhận đã cấp.")
    if len(value) > longest or not value.isascii() or not value.isprintable():
        raise Invalid(f"{asked.title}: có ký tự lạ hoặc quá dài; hãy chép lại như cơ quan tiếp nhận đã cấp.")
    if asked.pattern is not None and not re.fullmatch(asked.pattern, value):
        raise Invalid(f"{asked.title}: không đúng dạng; hãy chép lại như cơ quan tiếp nhận đã cấp.")
    return value
