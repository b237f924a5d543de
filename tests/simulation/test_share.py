"""Processes that divide worlds among themselves leave none out and play none twice."""

from __future__ import annotations

import pytest

from benchmarks.simulate import parts, shares
from tests.simulation.share import share_of
from tests.simulation.story import every_schedule


@pytest.mark.parametrize("n_processes", [1, 2, 3, 64])
def test_shares_are_disjoint_and_whole(n_processes: int) -> None:
    schedules = [str(each) for each in every_schedule()]
    played = [each for share in shares(n_processes) for each in share_of(schedules, share)]
    assert len(played) == len(schedules)
    assert set(played) == set(schedules)


def test_every_process_has_as_much_to_play_as_the_others() -> None:
    assert {len(share_of(range(10_000), share)) for share in shares(3)} == {3333, 3334}


def test_only_worlds_that_do_not_know_of_each_other_are_divided() -> None:
    assert [part.tests for part in parts("1") if part.divided] == [
        ("tests/simulation/test_webhooks.py",),
        ("tests/simulation/test_every_crash.py",),
        ("tests/simulation/test_seeds.py",),
    ]
