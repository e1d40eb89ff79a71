"""What became of each event of a list in another: the verdicts, by rules that depend on values only.

1. kept: same label, both boundaries within the tolerance. 2. relabelled: the same but for the label.
3. What is left is linked where the intersection is at least half of the shorter event. One linked to several
is split, several to one merged; otherwise pairs are moved, or moved_relabelled. 4. The rest is deleted or
added; an event dragged away without overlap is both. Stable ids (`extra["id"]`), where both lists carry them,
decide before times do, so that even an event dragged far away is moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from vbannotate.events import Event
from vbannotate.match import LINK, Criterion, candidates, intervals, match

KINDS = ("kept", "moved", "relabelled", "moved_relabelled", "split", "merged", "deleted", "added")

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Group:
    """A verdict: places in the first and in the second list."""

    kind: str
    before: tuple[int, ...]
    after: tuple[int, ...]


def diff(before: Sequence[Event], after: Sequence[Event], tolerance_us: int = 0) -> list[Group]:
    """Put every event of both lists into exactly one group, in order of time."""
    same_id = _by_id(before, after)
    groups = [
        Group("kept" if before[i].label == after[j].label else "relabelled", (i,), (j,))
        for i, j in same_id.items()
        if near(before[i], after[j], tolerance_us)
    ]
    taken = set(same_id), set(same_id.values())
    for kind, by_label in (("kept", True), ("relabelled", False)):
        pairs = _matched(before, after, *taken, Criterion.within(tolerance_us), by_label)
        groups += [Group(kind, (i,), (j,)) for i, j in pairs]
        taken = taken[0] | {i for i, _ in pairs}, taken[1] | {j for _, j in pairs}
    settled = {i for g in groups for i in g.before}, {j for g in groups for j in g.after}
    left = (
        [i for i in range(len(before)) if i not in settled[0]],
        [j for j in range(len(after)) if j not in settled[1]],
    )
    forced = {i: j for i, j in same_id.items() if i not in settled[0]}
    groups += _linked(before, after, left, forced)
    return sorted(groups, key=lambda group: _time(group, before, after))


def near(one: Event, other: Event, tolerance_us: int) -> bool:
    """Whether both boundaries lie within the tolerance."""
    return (
        abs(one.onset_us - other.onset_us) <= tolerance_us
        and abs(one.offset_us - other.offset_us) <= tolerance_us
    )


def _time(group: Group, before: Sequence[Event], after: Sequence[Event]) -> tuple[int, int, int]:
    first = before[group.before[0]] if group.before else after[group.after[0]]
    return first.onset_us, first.offset_us, KINDS.index(group.kind)


def _by_id(before: Sequence[Event], after: Sequence[Event]) -> dict[int, int]:
    """Events of the same id; ids that a list has twice count for nothing."""
    places = []
    for events in (before, after):
        found: dict[object, int | None] = {}
        for k, event in enumerate(events):
            if (name := event.extra.get("id")) is not None:
                found[name] = None if name in found else k
        places.append(found)
    return {i: j for name, i in places[0].items() if i is not None and (j := places[1].get(name)) is not None}


def _matched(
    before: Sequence[Event],
    after: Sequence[Event],
    without_before: Iterable[int],
    without_after: Iterable[int],
    criterion: Criterion,
    by_label: bool,
) -> list[Pair]:
    rows = sorted(set(range(len(before))) - set(without_before))
    columns = sorted(set(range(len(after))) - set(without_after))
    pairs = match([before[i] for i in rows], [after[j] for j in columns], criterion, by_label)
    return [(rows[i], columns[j]) for i, j in pairs]


def _linked(
    before: Sequence[Event],
    after: Sequence[Event],
    left: tuple[list[int], list[int]],
    forced: dict[int, int],
) -> list[Group]:
    """Groups of the events that did not stay in their place."""
    rows, columns = left
    first, second = (
        intervals([events[k] for k in some], np.zeros(len(some), np.int64))
        for events, some in ((before, rows), (after, columns))
    )
    r, e = candidates(first, second, LINK)
    known = set(forced), set(forced.values())
    pairs = {(rows[i], columns[j]) for i, j in zip(r.tolist(), e.tolist(), strict=True)}
    pairs = {(i, j) for i, j in pairs if not (i in known[0] and j in known[1])} | set(forced.items())
    groups = []
    for some, others in _components(rows, columns, pairs):
        if len(some) == 1 and len(others) > 1:
            groups.append(Group("split", tuple(some), tuple(others)))
        elif len(some) > 1 and len(others) == 1:
            groups.append(Group("merged", tuple(some), tuple(others)))
        else:
            groups += _one_to_one(before, after, some, others, forced)
    return groups


def _one_to_one(
    before: Sequence[Event],
    after: Sequence[Event],
    some: list[int],
    others: list[int],
    forced: dict[int, int],
) -> list[Group]:
    pairs = [(i, forced[i]) for i in some if i in forced]
    free = [i for i in some if i not in forced], [j for j in others if j not in {j for _, j in pairs}]
    found = match([before[i] for i in free[0]], [after[j] for j in free[1]], LINK, by_label=False)
    pairs += [(free[0][i], free[1][j]) for i, j in found]
    groups = [
        Group("moved" if before[i].label == after[j].label else "moved_relabelled", (i,), (j,))
        for i, j in pairs
    ]
    gone = set(some) - {i for i, _ in pairs}
    new = set(others) - {j for _, j in pairs}
    groups += [Group("deleted", (i,), ()) for i in sorted(gone)]
    return groups + [Group("added", (), (j,)) for j in sorted(new)]


def _components(
    rows: list[int], columns: list[int], pairs: Iterable[Pair]
) -> Iterable[tuple[list[int], list[int]]]:
    """Rows and columns that hang together, each in order of time."""
    above: dict[tuple[int, int], tuple[int, int]] = {
        **{(0, i): (0, i) for i in rows},
        **{(1, j): (1, j) for j in columns},
    }

    def root(node: tuple[int, int]) -> tuple[int, int]:
        while above[node] != node:
            above[node] = above[above[node]]
            node = above[node]
        return node

    for i, j in pairs:
        above[root((1, j))] = root((0, i))
    found: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
    for node in above:
        found.setdefault(root(node), ([], []))[node[0]].append(node[1])
    return found.values()
