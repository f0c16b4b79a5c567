"""Colours of the token sheet reach WCAG 2.2 AA where they meet: 4.5 for text, 3 for edges of controls."""

import re

import pytest

from tests.frontend.small_site import PLACE

CSS = (PLACE.source / "css" / "hocba.css").read_text(encoding="utf-8")
TOKENS: dict[str, str] = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", CSS))
TEXT = [
    *[
        (ink, ground)
        for ink in ("ink", "ink-soft")
        for ground in ("paper", "paper-deep", "sheet", "sheet-tint")
    ],
    *[("ink-faint", ground) for ground in ("paper", "paper-deep", "sheet", "sheet-tint")],
    *[("accent", ground) for ground in ("paper", "paper-deep", "sheet", "accent-tint")],
    *[
        (tone, ground)
        for tone in ("ok", "warn", "bad", "seal")
        for ground in ("sheet", "paper", f"{tone}-tint")
    ],
    ("ink", "bad-tint"),
    ("ink", "warn-tint"),
    ("ink-soft", "ok-tint"),
    ("ink-soft", "warn-tint"),
    ("ink-soft", "bad-tint"),
]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_is_the_one_of_wcag() -> None:
    assert round(ratio("#000000", "#ffffff"), 1) == 21.0
    assert round(ratio("#767676", "#ffffff"), 2) == 4.54


@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_can_be_read(ink: str, ground: str) -> None:
    assert ratio(TOKENS[ink], TOKENS[ground]) >= 4.5


@pytest.mark.parametrize("tone", ["accent", "accent-deep", "ok", "warn", "bad", "seal", "seal-deep"])
def test_white_text_on_full_colours(tone: str) -> None:
    assert ratio("#ffffff", TOKENS[tone]) >= 4.5


@pytest.mark.parametrize("ground", ["sheet", "paper", "paper-deep"])
def test_edges_of_controls_can_be_seen(ground: str) -> None:
    assert ratio(TOKENS["edge"], TOKENS[ground]) >= 3
