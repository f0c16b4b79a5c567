"""What the part of a transcript's XML says that one signer signs: for that signer, out of the stored bytes."""

import re

from backend.remote_signing.formats import xades
from backend.remote_signing.formats.schemas import XmlTarget

#: Elements of a subject's row that its teacher answers for, as people call them, in the order of the form.
_LABELS = {
    "MUC_DAT_DUOC": "Mức đạt được",
    "DIEM_KTDK": "Điểm kiểm tra",
    "HOC_KY_1": "Học kì I",
    "HOC_KY_2": "Học kì II",
    "CA_NAM": "Cả năm",
    "SAU_DANH_GIA_LAI": "Đánh giá lại",
    "NHAN_XET": "Nhận xét",
}
_EXEMPT = "MIEN_HOC"
_MARK = re.compile(r"\d+\.\d+")


def said(xml: bytes, target: XmlTarget) -> dict[str, str]:
    """Label → text of what a signature over this part is about; what is empty is left out. Raises UnsuitableXml."""
    element = xades.covered(xades.parse(xml), target)
    found = {child.tag: (child.text or "").strip() for child in element}
    texts = {label: _shown(found[tag]) for tag, label in _LABELS.items() if found.get(tag)}
    return {"Cả năm": "Miễn học", **texts} if found.get(_EXEMPT) == "1" else texts


def _shown(text: str) -> str:
    return text.replace(".", ",") if _MARK.fullmatch(text) else text
