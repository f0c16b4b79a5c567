"""Bytes of the archive: read from the store, stamped, stored anew. The time stamping authority is outside."""

import uuid
from collections.abc import Sequence

from backend.core import at_once, storage
from backend.remote_signing.archiving.schemas import Stamped, ToStamp
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.formats import certificates, document_stamp, pades
from backend.remote_signing.timestamping import service as timestamping

#: Documents of one job that are worked on at the same time.
AT_ONCE = 4


async def stamp_all(tenant_id: uuid.UUID, documents: Sequence[ToStamp]) -> list[Stamped]:
    """Add what proves the stamps so far, then the next one; the XML gets a token beside it.

    Raises Unavailable while the authority or the store does not answer. A repetition stamps again: the same bytes with
    another token, of which one is kept.
    """

    async def one(document: ToStamp) -> Stamped:
        pdf = await storage.get(tenant_id, document.document_sha256)
        earlier = document_stamp.stamp_certificates(pdf)
        if earlier:
            found = await credentials.revocation_answers(earlier)
            pdf = pades.add_validation_material(pdf, found.certificates, found.ocsps, found.crls)
        prepared = document_stamp.prepare(pdf)
        token = await timestamping.stamp(prepared.stamped)
        final = document_stamp.embed(prepared, token)
        xml_token = None
        if document.xml_sha256 is not None:
            xml = await storage.get(tenant_id, document.xml_sha256)
            xml_token = await timestamping.stamp(document_stamp.chained(xml, document.tokens))
        return Stamped(
            request_id=document.request_id,
            number=document.number,
            document_sha256=await storage.put(tenant_id, final, lock=True),
            size=len(final),
            xml_token=xml_token,
            expires_at=certificates.read(document_stamp.authority_of(token)).not_after,
        )

    return await at_once.each(documents, one, limit=AT_ONCE)
