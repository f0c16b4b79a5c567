"""Rendering: from the frozen bytes of a snapshot to its two forms, as the task `transcripts.render` does it."""

import gc
import subprocess
import sys
from pathlib import Path
from typing import Final

from backend.records.transcripts import canonical, rendering, xml_form
from infra.bench import book_html, samples
from infra.bench.harness import Bench, one_core
from infra.bench.samples import Document

_PROJECT: Final = Path(__file__).parents[2]
_MIB: Final = 1024 * 1024
_PAGE: Final = 4096


def run(bench: Bench) -> None:
    """render.pdf, render.year_record, render.memory_growth."""
    with one_core():
        _books(bench)
        _year_records(bench)
        _memory(bench)


def make(document: Document) -> bytes:
    """What a worker does between reading the frozen bytes and writing the two forms."""
    xml = xml_form.build_xml(canonical.read_snapshot(document.content))
    return rendering.render_pdf(document.content, xml)


def _books(bench: Bench) -> None:
    items, yardsticks = bench.size(40, 6), bench.size(5, 1)
    documents = samples.books(items * (bench.repetitions + 1))
    ours, theirs = bench.compare(
        "render.pdf",
        [
            (lambda number: make(documents[number]), items),
            (lambda number: book_html.render(documents[number]), yardsticks),
        ],
    )
    bench.report(
        "render.pdf",
        ours.rate,
        n=ours.items,
        ratio=theirs.seconds / ours.seconds,
        note=f"6 pages, PDF and XML; by processor time {ours.cpu_rate:.1f}/s; WeasyPrint {theirs.rate:.2f}/s",
    )


def _year_records(bench: Bench) -> None:
    items = bench.size(40, 6)
    documents = samples.year_records(items * (bench.repetitions + 1))
    ours = bench.measure("render.year_record", lambda number: make(documents[number]), items=items)
    bench.report(
        "render.year_record",
        ours.rate,
        n=ours.items,
        note=f"primary form, 4 pages; by processor time {ours.cpu_rate:.1f}/s",
    )


def _memory(bench: Bench) -> None:
    """One process of its own, as a worker is: what the others measured must not count."""
    first = bench.size(100, 20)
    last = first + bench.size(1900, 80)
    program = f"from infra.bench import render; render.grow({first}, {last})"
    done = subprocess.run(
        (sys.executable, "-c", program), cwd=_PROJECT, stdout=subprocess.PIPE, text=True, check=True
    )
    before, after = map(float, done.stdout.split())
    note = f"resident {before:.0f} MiB after document {first}, {after:.0f} MiB after document {last}; one run"
    bench.report("render.memory_growth", after - before, n=last, note=note)


def grow(first: int, last: int) -> None:
    """Render `last` year records; print the resident MiB after `first` and after all of them."""
    documents = samples.year_records(last)
    for number, document in enumerate(documents, 1):
        make(document)
        if number in (first, last):
            gc.collect()
            print(int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / _MIB)
