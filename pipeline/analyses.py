"""What chapters take beside what a plan counts: from the committed run of `default`, and how large a chapter's table is against it.

A guess, and less sure the further a run is from `default`: analyses do not all grow with the rows and the width, and labels
and seeds count too. `tests/test_plan.py` holds it against the other committed runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from kosae_core import paths
from pipeline import chapters as ch
from pipeline import costs, work
from pipeline.execute import read_times

if TYPE_CHECKING:  # which asks for what is here
    from pipeline.plan import Plan

TABLES = 2.3
"""fp32 tables of its largest store that a chapter's analyses hold at once: chapter 04 on 4,000 and on 20,000 sentences."""


@dataclass(frozen=True)
class Analyses:
    """Of one chapter of `default`."""

    beyond: int
    """Resident bytes beyond what is counted, with the pages of stores that were read and that the system may take back."""
    products: float
    """Seconds beside its trainings, as multiplications and additions of the machine whose rates are committed."""
    table: int
    """The rows of its largest store as one fp32 table."""


@cache
def of_default() -> dict[str, Analyses]:
    """By chapter."""
    from pipeline.plan import Plan

    took, default = read_times(paths.reference_dir("default") / "times.json"), Plan(ch.read_preset("default"), {})
    rates, found = costs.Rates(**costs.of_file()["machine"]["rates"]), {}
    for stem in default.parts.keys() & took.keys():
        counted = default.trainings(stem) + sum(default.memory(stem).values()) + default.beside(stem)
        runs = {part for part in default.parts[stem] if isinstance(part, work.Run)}
        trained = sum(default.train_seconds(costs.Costs(rates), run) for run in runs)
        found[stem] = Analyses(
            max(0, int(took[stem]["peak_mib"] * 2**20) - counted),
            rates.products * max(0.0, took[stem]["seconds"] - trained),
            default.table(stem),
        )
    return found


def memory(plan: Plan, stem: str) -> int:
    """Bytes."""
    known = of_default().get(stem, Analyses(0, 0, 0))
    more = plan.table(stem) - known.table
    return int(known.beyond + TABLES * more if more >= 0 else known.beyond * plan.table(stem) / known.table)


def seconds(plan: Plan) -> float:
    """Of one core of this machine, in all chapters."""
    known = {stem: each for stem, each in of_default().items() if each.table and stem in plan.parts}
    return sum(each.products * plan.table(stem) / each.table for stem, each in known.items()) / plan.here.products
