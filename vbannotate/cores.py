"""The processor cores that this process may use."""

from __future__ import annotations

import os


def free() -> int:
    """How many there are: those that a scheduler or container leaves to it, not all of the machine's.

    OMP_NUM_THREADS limits them, as it does torch's.
    """
    if (limit := os.environ.get("OMP_NUM_THREADS", "")).isdecimal() and int(limit):
        return int(limit)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
