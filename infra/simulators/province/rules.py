"""What the province checks: the envelope at once (technical), the package for the later answer (business)."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from backend.integrations.profiles.schemas import Message, Profile
from infra.simulators.province.reading import BadEnvelope

_MESSAGE_ID = re.compile(r"(?P<sender>.+)[0-9A-Fa-f]{32}")
_HEX32 = re.compile(r"[0-9a-f]{32}")
_SHORTEST_REASON = 5
_HEX64 = re.compile(r"[0-9a-f]{64}")
SUBMIT, REPLACE, RECALL = "submit", "replace", "recall"
#: Elements that a package must have, by Id (hocba.xsd).
_REQUIRED_IDS = ("data", "thongtinhocba")

#: What is found, and where in the package, if there.
Finding = tuple[str, str]


def check_envelope(message: Message, profile: Profile) -> None:
    """Raises BadEnvelope for a message that cannot be taken."""
    match = _MESSAGE_ID.fullmatch(message.message_id)
    if match is None or match["sender"] != message.sender_code:
        raise BadEnvelope("message_id", message.message_id)
    if message.action not in profile.actions:
        raise BadEnvelope("action", message.action)


def check_content(message: Message, said: frozenset[str]) -> list[Finding]:
    """All that is wrong with what a message brings; nothing wrong means it will be accepted.

    `said` are the fields that messages of this profile have at all.
    """
    found: list[Finding] = []
    if not _HEX32.fullmatch(message.lookup_code):
        found.append(("lookup_code", ""))
    if message.version < 1:
        found.append(("version", ""))
    if "pdf_sha256" in said and message.action != RECALL and not _HEX64.fullmatch(message.pdf_sha256):
        found.append(("pdf_sha256", ""))
    if message.action == RECALL:
        if len((message.reason or "").strip()) < _SHORTEST_REASON:
            found.append(("reason", ""))
        return found
    if "package_xml" not in said:
        return found
    if "sha256" in said and hashlib.sha256(message.package_xml).hexdigest() != message.sha256:
        found.append(("package_sha256", ""))
    return [*found, *_check_xml(message.package_xml, message.lookup_code)]


def check_reference(message: Message, earlier: Mapping[str, Any] | None, *, locked: bool) -> list[Finding]:
    """What is wrong with the earlier message that a recall or a replacement is about; `earlier` is what is known."""
    if message.action == SUBMIT:
        return []
    if earlier is None or earlier["sender_code"] != message.sender_code or earlier["problems"] != "[]":
        return [("reference", "")]
    if earlier["lookup_code"] != message.lookup_code or earlier["action"] == RECALL:
        return [("other_record", "")]
    if locked:
        return [("locked", "")]
    if message.action == RECALL and earlier["recalled_by"] is not None:
        return [("recalled", "")]
    if message.action == REPLACE and earlier["replaced_by"] is not None:
        return [("replaced", "")]
    return []


def in_their_words(profile: Profile, findings: list[Finding]) -> list[dict[str, str]]:
    """Findings as this Authority says them. One that it has no code for goes by its own name."""
    codes: dict[str, str] = {
        finding: code for code, entry in profile.errors.items() for finding in entry.means
    }
    told = []
    for finding, where in findings:
        code = codes.get(finding, finding.upper())
        entry = profile.errors.get(code)
        told.append(
            {
                "code": code,
                "field": where or (entry.field if entry else finding),
                "message": entry.words if entry else finding,
            }
        )
    return told


def _check_xml(package: bytes, lookup_code: str) -> list[Finding]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(package, parser)
    except etree.XMLSyntaxError:
        return [("package_xml", "")]
    if root.getroottree().docinfo.internalDTD is not None:
        return [("package_dtd", "")]
    found: list[Finding] = []
    for wanted in _REQUIRED_IDS:
        elements = root.xpath("//*[@Id=$wanted]", wanted=wanted)
        if not isinstance(elements, list) or len(elements) != 1:
            found.append(("package_part", f"#{wanted}"))
    found += [
        ("package_code", "")
        for element in root.iter("{*}MA_TRA_CUU")
        if (element.text or "").strip().lower() != lookup_code
    ]
    return found
