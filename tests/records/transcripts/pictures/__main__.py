"""Take the pictures anew."""

from tests.records.transcripts.pictures import DOCUMENTS, keep

for name in DOCUMENTS:
    keep(name)
