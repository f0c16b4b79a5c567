"""The two forms of a snapshot, made between two transactions: the page and the XML."""

import asyncio

from backend.records.transcripts import canonical, rendering, xml_form


async def both(snapshot: bytes) -> tuple[bytes, bytes]:
    """PDF and XML of a canonical snapshot; the same snapshot gives the same bytes.

    Raises Invalid for a text that cannot be printed, Unavailable before the fonts are built.
    """
    xml = xml_form.build_xml(canonical.read_snapshot(snapshot))
    return await asyncio.to_thread(rendering.render_pdf, snapshot, xml), xml
