"""All that the demo says about its schools, before it becomes workbooks; tests compare with it."""

import random
from typing import Final

import msgspec

from infra.demo.marks import PrimaryTruth, SecondaryTruth, primary_year, secondary_year
from infra.demo.people import Pupil
from infra.demo.schools import SEED, DemoSchool, primary_school, pupils_of, secondary_school

#: Two pupils without a final mark, in classes that are not shown first. Primary pupils are all complete:
#: each of the 847 is to be issued.
_INCOMPLETE: Final = {"7A2": 3, "11A2": 5}


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """The primary and the secondary school, their pupils by class, and each pupil's year by pupil code."""

    primary: DemoSchool
    secondary: DemoSchool
    primary_pupils: dict[str, tuple[Pupil, ...]]
    secondary_pupils: dict[str, tuple[Pupil, ...]]
    primary_years: dict[str, PrimaryTruth]
    secondary_years: dict[str, SecondaryTruth]


def tell(seed: int = SEED, scale: float = 1.0) -> Truth:
    """The same seed and scale give the same truth on every machine. `scale` below 1 makes small schools."""
    primary, secondary = primary_school(seed, scale), secondary_school(seed, scale)
    primary_pupils, secondary_pupils = pupils_of(primary, seed), pupils_of(secondary, seed)
    rng = random.Random(f"{seed}:marks")
    return Truth(
        primary=primary,
        secondary=secondary,
        primary_pupils=primary_pupils,
        secondary_pupils=secondary_pupils,
        primary_years={
            pupil.student_code: primary_year(rng, one, pupil)
            for one in primary.classes
            for pupil in primary_pupils[one.code]
        },
        secondary_years={
            pupil.student_code: secondary_year(rng, one, pupil, incomplete=_INCOMPLETE.get(one.code) == place)
            for one in secondary.classes
            for place, pupil in enumerate(secondary_pupils[one.code])
        },
    )
