"""Archives: ZIP with the same bytes for the same content."""

import io
import zipfile
from collections.abc import Mapping

_WHEN = (1980, 1, 1, 0, 0, 0)


def zipped(entries: Mapping[str, bytes]) -> bytes:
    """One archive of these entries, name → bytes. PDF does not shrink and is stored as it is."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".pdf") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return out.getvalue()
