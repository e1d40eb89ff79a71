"""Assignment of least cost by shortest augmenting paths, one row after the other."""

from __future__ import annotations

from heapq import heappop, heappush


class Paths:
    """A matching of least cost that grows row by row; prices keep all reduced costs at 0 or above."""

    def __init__(self, costs: dict[int, list[tuple[int, int]]]) -> None:
        self.costs = costs
        self.row_of: dict[int, int] = {}
        self.column_of: dict[int, int] = {}
        self.row_price = dict.fromkeys(costs, 0)
        self.column_price: dict[int, int] = {}

    def insert(self, root: int) -> None:
        """Add `root` along a shortest augmenting path (Dijkstra; equal lengths: earlier column)."""
        distance: dict[int, int] = {}
        came_from: dict[int, int] = {}
        done: dict[int, int] = {}
        heap: list[tuple[int, int]] = []
        i, base = root, 0
        while True:
            start = base - self.row_price[i]
            for j, cost in self.costs[i]:
                length = start + cost - self.column_price.get(j, 0)
                if j not in done and (j not in distance or length < distance[j]):
                    distance[j], came_from[j] = length, i
                    heappush(heap, (length, j))
            base, end = heappop(heap)
            while end in done:
                base, end = heappop(heap)
            if end not in self.row_of:
                break
            done[end] = base
            i = self.row_of[end]
        self.row_price[root] += base
        for j, length in done.items():
            self.row_price[self.row_of[j]] += base - length
            self.column_price[j] = self.column_price.get(j, 0) - (base - length)
        self._flip(root, end, came_from)

    def _flip(self, root: int, end: int, came_from: dict[int, int]) -> None:
        """Exchange matched and unmatched pairs along the path that ends in column `end`."""
        j: int | None = end
        while j is not None:
            i = came_from[j]
            self.row_of[j] = i
            self.column_of[i], j = j, self.column_of.get(i)
        assert i == root
