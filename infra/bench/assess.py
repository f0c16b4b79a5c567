"""Assessing by TT22/2021: a pupil-year in JSON in, its results with their reasons in JSON out."""

import msgspec

from backend.records.assessment import command
from backend.records.assessment.rules import assess
from infra.bench import samples
from infra.bench.harness import Bench, one_core


def run(bench: Bench) -> None:
    """assess.secondary."""
    years = samples.secondary_years()
    lines = [msgspec.json.encode(year) for year in years]
    subjects = {len(year.subjects) for year in years}
    items = bench.size(2000, 200)
    with one_core():
        ours, rules_alone = bench.compare(
            "assess.secondary",
            [
                (lambda number: command.answer(lines[number % len(lines)]), items),
                (lambda number: assess(years[number % len(years)]), items),
            ],
        )
    bench.report(
        "assess.secondary",
        ours.rate,
        n=ours.items,
        note=(
            f"{'/'.join(map(str, subjects))} subjects, JSON to JSON as in `hocba assess --lines`; "
            f"the rules alone {rules_alone.rate:.0f}/s"
        ),
    )
