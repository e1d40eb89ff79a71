"""Cores that a scheduler leaves to a process, and how the recordings of one call share them."""

import concurrent.futures
import os

import pytest

from vbannotate import cores
from vbannotate.cli import run


@pytest.fixture
def four_of_many(monkeypatch):
    """As in a job of four cores on a large machine."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 128)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 4, 5, 6}, raising=False)


def test_cores_of_others_are_not_counted(four_of_many, monkeypatch):
    assert cores.free() == 4
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert cores.free() == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "0")
    assert cores.free() == 4


@pytest.mark.parametrize(("jobs", "recordings", "threads"), [(4, 9, 1), (2, 9, 2), (8, 9, 1), (8, 2, 2)])
def test_recordings_side_by_side_share_the_cores(jobs, recordings, threads, four_of_many, monkeypatch):
    started = []

    class Pool(concurrent.futures.ThreadPoolExecutor):
        def __init__(self, workers, context, initializer, arguments):
            started.append((workers, arguments[1]))
            super().__init__(workers)

    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(run, "_work", lambda plan: plan)
    assert list(run._in_parallel(run.Request(jobs=jobs), list(range(recordings)))) == list(range(recordings))
    assert started == [(min(jobs, recordings), threads)]
