"""Archives: ZIP with the same bytes for the same content. From files into a file: nothing is held in memory."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

_WHEN = (1980, 1, 1, 0, 0, 0)


def zip_files(target: Path, entries: Mapping[str, Path]) -> None:
    """Write one archive of these entries, name → file. PDF does not shrink and is stored as it is."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, path in entries.items():
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".pdf") else zipfile.ZIP_DEFLATED
            entry.file_size = path.stat().st_size  # more than 2 GB need another form from the start
            with path.open("rb") as content, archive.open(entry, "w") as packed:
                shutil.copyfileobj(content, packed)
