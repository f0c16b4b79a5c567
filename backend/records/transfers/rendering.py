"""The cover page of a package: typst adapter, tagged PDF/A-3a with every file of the package attached.

A pure function of manifest, files, template and fonts: the same bytes come out in every process.
"""

import json
import tempfile
from collections.abc import Mapping
from datetime import datetime, time
from functools import cache
from pathlib import Path

import typst

from backend.core.clock import VIETNAM
from backend.core.errors import Invalid, Unavailable
from backend.records.transfers import manifest as manifests
from backend.records.transfers.schemas import MANIFEST, Manifest

_FRONTEND = Path(__file__).resolve().parents[3] / "frontend_templates"
_TEMPLATE = _FRONTEND / "documents" / "transfer.typ"
#: Put there by the asset build from the npm package of the Tinos fonts (OFL).
_FONTS = _FRONTEND / "static" / "dist" / "fonts" / "tinos"


def render(manifest: Manifest, files: Mapping[str, bytes]) -> bytes:
    """The package without signatures; `files` are the parts by name.

    Raises Invalid for a text that cannot be printed, and Unavailable when the fonts have not been built.
    """
    content = manifests.written(manifest)
    # The compiler reads binary files from a folder alone.
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, data in {MANIFEST: content, **files}.items():
            (root / name).write_bytes(data)
        try:
            pdf = typst.Compiler(_TEMPLATE.read_bytes(), root=root, font_paths=_fonts()).compile(
                format="pdf",
                sys_inputs={"view": json.dumps(_view(manifest), ensure_ascii=False)},
                pdf_standards="a-3a",
                timestamp=int(datetime.combine(manifest.drafted_on, time(), VIETNAM).timestamp()),
            )
        except typst.TypstError as error:
            raise Invalid(
                f"Không lập được phiếu chuyển học bạ của {manifest.student.full_name}: nội dung có ký tự không in được; "
                "hãy kiểm tra lại tên trường nhận và hồ sơ học sinh."
            ) from error
    if not isinstance(pdf, bytes):
        raise TypeError("typst returned no single PDF")
    return pdf


def _view(manifest: Manifest) -> dict[str, object]:
    student, day = manifest.student, manifest.drafted_on
    return {
        "sandbox": manifest.sandbox,
        "id": manifest.id.hex,
        "head": manifest.head,
        "sender": {"name": manifest.sender.name, "code": manifest.sender.code},
        "receiver": {"name": manifest.receiver.name, "code": manifest.receiver.code},
        "student": {
            "full_name": student.full_name,
            "date_of_birth": f"{student.date_of_birth:%d/%m/%Y}",
            "student_code": student.student_code,
            "personal_id": student.personal_id or "",
        },
        "day": f"ngày {day.day:02} tháng {day.month:02} năm {day.year}",
        "years": [
            {
                "academic_year": one.academic_year,
                "class_name": one.class_name,
                "version": str(one.version),
                "issued_on": f"{one.issued_on:%d/%m/%Y}",
                "lookup_code": one.lookup_code,
                "sha256": one.pdf.sha256,
                "signers": "; ".join(signer.name for signer in one.signers),
                "files": [one.pdf.name, one.xml.name],
            }
            for one in manifest.years
        ],
    }


@cache
def _fonts() -> typst.Fonts:
    if not list(_FONTS.glob("*.ttf")):
        raise Unavailable(
            "Chưa có phông chữ để lập phiếu chuyển học bạ; hãy chạy bước dựng giao diện (make assets)."
        )
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[_FONTS])
