"""Whether a file is a known document, with nothing written after it but signatures and what proves them."""

from io import BytesIO
from typing import Any

import pikepdf

#: What a signed document has that it had not before: values of fields, what the first one permits, proof.
_OF_FIELDS, _OF_CATALOG = frozenset({"/V"}), frozenset({"/Perms", "/DSS", "/Extensions"})


def only_signed(original: bytes, document: bytes) -> bool:
    """Whether the bytes of `original` come first and every object of it still stands as it was.

    What an update brings beside them is reached by nobody but through a signature's value or the validation material.
    """
    if not document.startswith(original):
        return False
    if document == original:
        return True
    try:
        with _opened(original) as before, _opened(document) as after:
            return _ways_in(before) == _ways_in(after) and all(
                _said(one, before.Root.objgen) == _said(after.get_object(one.objgen), before.Root.objgen)
                for one in before.objects
            )
    except pikepdf.PdfError:
        return False


def _opened(pdf: bytes) -> pikepdf.Pdf:
    return pikepdf.open(BytesIO(pdf), attempt_recovery=False, suppress_warnings=True)


def _ways_in(reader: pikepdf.Pdf) -> set[tuple[str, bytes]]:
    """What the trailer names: where a reader begins."""
    return {(key, reader.trailer[key].unparse()) for key in ("/Root", "/Info") if key in reader.trailer}


def _said(item: Any, root: tuple[int, int]) -> tuple[bytes, bytes]:
    """All that an object says, and the bytes of a stream, without what a signature may bring: that is taken out."""
    if isinstance(item, pikepdf.Stream):
        return item.stream_dict.unparse(resolved=True), item.read_raw_bytes()
    if isinstance(item, pikepdf.Dictionary):
        is_field = item.get("/FT") == pikepdf.Name.Sig
        for key in _OF_FIELDS if is_field else _OF_CATALOG if item.objgen == root else ():
            if key in item:
                del item[key]
    return item.unparse(resolved=True), b""
