"""Messages that a profile is tried on: one of each action, with a record of each school level."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from backend.core.crypto import sha256_hex
from backend.integrations.profiles.messages import takes_grade
from backend.integrations.profiles.schemas import Message, Profile

_RECORDS = Path(__file__).with_name("samples")
_SENDER = "01000701"
_PACKAGE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<HOC_BA><DU_LIEU_HOC_BA Id="data"><THONG_TIN_HOC_BA Id="thongtinhocba"><MA_TRA_CUU>{code}</MA_TRA_CUU>'
    "</THONG_TIN_HOC_BA></DU_LIEU_HOC_BA></HOC_BA>"
)
#: What an Authority says beside the message itself.
SAID: dict[str, Any] = {
    "authority_id": "GD0000000001",
    "receipt": "BN0000000001",
    "errors": [{"code": "LOI", "field": "truong", "message": "Lời của cơ quan tiếp nhận"}],
}


@cache
def records() -> dict[str, dict[str, Any]]:
    """Contents of học bạ by name, made up."""
    return {path.stem: msgspec.json.decode(path.read_bytes()) for path in sorted(_RECORDS.glob("*.json"))}


def messages() -> dict[str, Message]:
    """By a name that says what it is: submit-primary, …, recall."""
    made = {}
    for name, record in records().items():
        made[f"submit-{name}"] = _message("submit", name, record)
        made[f"replace-{name}"] = _message("replace", name, record)
        made[f"recall-{name}"] = _message("recall", name, record)
    return made


def fitting(profile: Profile) -> dict[str, Message]:
    """Those that a profile may have to carry."""
    return {
        name: one
        for name, one in messages().items()
        if one.action in profile.actions and takes_grade(profile, one.record or {})
    }


def _message(action: str, name: str, record: dict[str, Any]) -> Message:
    code = record["lookup_code"]
    package = _PACKAGE.format(code=code).encode()
    return Message(
        message_id=_SENDER + sha256_hex(f"{action} {name}".encode())[:32],
        sender_code=_SENDER,
        action=action,
        lookup_code=code,
        version=1 if action != "replace" else 2,
        sha256=sha256_hex(package),
        package_xml=b"" if action == "recall" else package,
        pdf_sha256=sha256_hex(b"pdf"),
        refers_to=None if action == "submit" else _SENDER + sha256_hex(f"submit {name}".encode())[:32],
        queued_at="2026-06-01T08:00:00+07:00",
        reason="Điểm môn Toán nhập sai." if action == "recall" else None,
        record=record,
    )
