"""The two forms of a snapshot, made between two transactions: the page, ready to be signed, and the XML."""

import asyncio

from backend.records.transcripts import canonical, rendering, xml_form
from backend.records.transcripts.schemas import Forms, VersionId
from backend.remote_signing.requests import service as signing


async def both(version_id: VersionId, content: bytes) -> Forms:
    """PDF and XML of a canonical snapshot; the same snapshot gives the same bytes.

    The page has its signature fields, all placed before the first signature. Raises Invalid for a text that cannot
    be printed, Unavailable before the fonts are built.
    """
    snapshot = canonical.read_snapshot(content)
    xml = xml_form.build_xml(snapshot)
    page = await asyncio.to_thread(rendering.render_pdf, content, xml)
    pdf = signing.with_fields(page, [signer.role for signer in snapshot.signers])
    return Forms(version_id=version_id, pdf=pdf, xml=xml)
