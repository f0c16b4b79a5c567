"""The data package of a version: its published schemas, and whether PDF, XML and JSON of one file say the same."""

from backend.core.errors import Invalid
from backend.records.transcripts import canonical, page_check, xml_form
from backend.records.transcripts.schemas import Snapshot
from backend.remote_signing.validation import service as validation

#: Published under these names: address and command line use them alike.
JSON_SCHEMA, XML_SCHEMA = "hocba.snapshot.1.json", "hocba.snapshot.1.xsd"
_SNAPSHOT, _XML = "snapshot.json", "hocba.xml"


def schema(name: str) -> bytes | None:
    """A published schema, or None."""
    if name == JSON_SCHEMA:
        return canonical.schema_json()
    return xml_form.XSD.read_bytes() if name == XML_SCHEMA else None


def check(pdf: bytes) -> tuple[Snapshot | None, list[str]]:
    """The frozen content of a year record, and where its three forms differ: a sentence each.

    None where there is no content that could be compared. Raises Unreadable (formats.schemas) for what is no PDF.
    """
    contents = validation.contents_of(pdf)
    data, xml = contents.attachments.get(_SNAPSHOT), contents.attachments.get(_XML)
    if data is None:
        return None, [f"Tệp PDF không kèm dữ liệu học bạ ({_SNAPSHOT}) nên không có gì để đối chiếu."]
    try:
        snapshot = canonical.read_snapshot(data)
    except Invalid as error:
        return None, [error.message]
    found = page_check.page_differences(snapshot, contents.pages)
    if xml is None:
        return snapshot, [*found, f"Tệp PDF không kèm học bạ ở dạng XML ({_XML})."]
    try:
        return snapshot, [*found, *xml_form.differences(xml, snapshot)]
    except Invalid as error:
        return snapshot, [*found, error.message]
