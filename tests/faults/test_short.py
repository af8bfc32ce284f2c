"""A selection of the fault scenarios for every day; `make faults` runs them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.harness import Engines, run
from tests.faults.scenario import every, short


@pytest.mark.parametrize(
    "scenario",
    short(),
    ids=lambda each: "-".join(map(str, (each.group, each.engine, each.point, each.faults))).replace(" ", "_"),
)
def test_nobody_is_missed_and_nobody_is_mailed_twice(scenario, sqlite_template, postgres, tmp_path: Path):
    assert run(scenario, Engines(sqlite_template, postgres), tmp_path / "run").wrong == []


def test_there_are_at_least_five_hundred_scenarios():
    found = list(every())
    assert len(found) >= 500
    assert len(set(found)) == len(found)
