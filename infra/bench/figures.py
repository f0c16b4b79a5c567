"""The names, units and yardsticks of all figures. A name that has been used stays."""

from typing import Final, NamedTuple


class Figure(NamedTuple):
    """What a number means. `yardstick` is what its `ratio` compares it with; "" where there is none."""

    unit: str
    yardstick: str = ""


FIGURES: Final[dict[str, Figure]] = {
    "render.pdf": Figure("documents/s/core", "WeasyPrint, same document"),
    "render.year_record": Figure("documents/s/core"),
    "render.memory_growth": Figure("MiB"),
    "freeze.school": Figure("s, 2,000 pupils frozen and rendered on 2 cores"),
    "sign.pdf_b_b_x3": Figure("documents/s/core", "pyHanko sign_pdf as usually called, same key"),
    "sign.pdf_limit_share": Figure("share of the bare C_Sign rate"),
    "sign.xml": Figure("signatures/s/core", "signxml, XAdES, same key"),
    "sign.augment_b_lta": Figure("documents/s/core"),
    "sign.validate": Figure("ms per signature", "pyHanko with a fresh context"),
    "sign.worker_memory": Figure("resident memory of one worker, at the end / in the middle"),
    "sign.batch_2000": Figure("s from consent to embedded, 2,000 documents on 2 cores, 50 hashes per call"),
    "assess.secondary": Figure("pupil-years/s/core"),
    "import.marks": Figure("marks/s", "SQLAlchemy insert().values([...])"),
    "web.page": Figure("requests/s/core", "empty Litestar page"),
    "web.page_signed_in": Figure("requests/s/core", "empty Litestar page"),
    "web.sheet_open": Figure("ms, p95", "the page of one's own account"),
    "web.mark_save": Figure("saves/s on 2 cores"),
    "web.mark_save_p99": Figure("ms"),
    "web.verify_code": Figure("requests/s on 2 cores"),
    "web.verify_code_p95": Figure("ms"),
    "web.check_file": Figure("s"),
    "web.ratio_report": Figure("ms, p95, 2,000 pupils"),
    "deliver.package": Figure("packages/s/core: map, validate, sign, enqueue"),
    "deliver.rest": Figure("deliveries/s on 2 cores through the simulator"),
    "deliver.replay": Figure("deliveries/s on 2 cores, 0 new ids"),
    "jobs.quiet_p99": Figure(
        "ms that a quiet school waits behind a backlog of 200,000", "first-in-first-out, same load"
    ),
    "tenants.scale": Figure("page latency among 500 schools / alone"),
    "tenants.transcript_open": Figure("ms, p95", "the page of one's own account"),
}
