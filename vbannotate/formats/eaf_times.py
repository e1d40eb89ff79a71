"""When the annotations of an EAF document are: slots without a time, dependent tiers and chains resolved.

Only a part of the annotations has times of its own. The rest is resolved as ELAN shows it:

- slots without a time in a row of touching annotations are spread evenly between the times around them;
- a reference annotation has the times of its parent (Symbolic_Association), or its share of them, in the
  order of PREVIOUS_ANNOTATION (Symbolic_Subdivision). Times stay whole milliseconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from vbannotate.errors import FormatError
from vbannotate.formats.eaf_tree import Element

SUBDIVISION = "Symbolic_Subdivision"


@dataclass(slots=True, eq=False)
class Note:
    """One annotation; `start` and `end` are milliseconds once they are known."""

    id: str
    text: str
    slots: tuple[str, str] | None = None
    parent: str = ""
    previous: str = ""
    start: int | None = None
    end: int | None = None


@dataclass(slots=True, eq=False)
class Layer:
    """One TIER with its annotations in document order; `attributes` are those of its element."""

    name: str
    attributes: Mapping[str, str]
    parent: str | None
    stereotype: str | None
    element: Element = None
    notes: list[Note] = field(default_factory=list)
    interpolated: int = 0


def layers(root: Element, name: str) -> list[Layer]:
    """The tiers of a document with the times of their annotations; None where they cannot be known."""
    kinds = {t.get("LINGUISTIC_TYPE_ID"): t.get("CONSTRAINTS") for t in root.iterfind("LINGUISTIC_TYPE")}
    result = [_layer(tier, kinds) for tier in root.iterfind("TIER")]
    resolve(result, _slots(root, name))
    return result


def resolve(found: list[Layer], slots: dict[str, int | None]) -> None:
    """Give the annotations of all tiers their times; `slots` are milliseconds by id, None where unknown."""
    for layer in _parents_first(found):
        _align(layer, slots)
    _refer(found)


def _slots(root: Element, name: str) -> dict[str, int | None]:
    slots: dict[str, int | None] = {}
    for slot in root.iterfind("TIME_ORDER/TIME_SLOT"):
        text = slot.get("TIME_VALUE")
        if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 15):
            what = (
                f"{name}, line {slot.sourceline}: TIME_VALUE {text[:30]!r} is no whole number of milliseconds"
            )
            raise FormatError(what, "correct it; ELAN refuses the file as well")
        slots[slot.get("TIME_SLOT_ID", "")] = None if text is None else int(text)
    return slots


def _layer(tier: Element, kinds: dict[str | None, str | None]) -> Layer:
    stereotype = kinds.get(tier.get("LINGUISTIC_TYPE_REF"))
    layer = Layer(tier.get("TIER_ID", ""), dict(tier.attrib), tier.get("PARENT_REF"), stereotype, tier)
    for found in tier.iter("ALIGNABLE_ANNOTATION", "REF_ANNOTATION"):
        note = Note(found.get("ANNOTATION_ID", ""), _value(found))
        if found.tag == "ALIGNABLE_ANNOTATION":
            note.slots = found.get("TIME_SLOT_REF1", ""), found.get("TIME_SLOT_REF2", "")
        else:
            note.parent = found.get("ANNOTATION_REF", "")
            note.previous = found.get("PREVIOUS_ANNOTATION", "")
        layer.notes.append(note)
    return layer


def _value(annotation: Element) -> str:
    value = annotation.find("ANNOTATION_VALUE")
    if value is None:
        return ""
    return value.xpath("string()") if len(value) else value.text or ""  # comments are no text


def _parents_first(found: list[Layer]) -> list[Layer]:
    by_name = {layer.name: layer for layer in found}

    def depth(layer: Layer) -> int:
        steps, above = 0, layer.parent
        while above in by_name and steps <= len(found):  # a circle of parents ends as well
            steps, above = steps + 1, by_name[above].parent
        return steps

    return sorted(found, key=depth)


def _align(layer: Layer, slots: dict[str, int | None]) -> None:
    """Times of the annotations with slots; slots that get their time here keep it for the tiers below."""
    notes = [note for note in layer.notes if note.slots and all(slot in slots for slot in note.slots)]
    open_starts: dict[str, Note] = {}
    for note in notes:
        if slots[note.slots[0]] is None:  # type: ignore[index]
            open_starts.setdefault(note.slots[0], note)  # type: ignore[index]
    waiting = deque(note for note in notes if slots[note.slots[0]] is None)  # type: ignore[index]
    used: set[int] = set()
    for note in notes:
        if slots[note.slots[0]] is not None and slots[note.slots[1]] is None:  # type: ignore[index]
            layer.interpolated += _spread(_chain(note, open_starts, waiting, used, slots), slots)
    for note in notes:
        note.start, note.end = (slots[slot] for slot in note.slots)  # type: ignore[union-attr]


def _chain(
    note: Note,
    open_starts: dict[str, Note],
    waiting: deque[Note],
    used: set[int],
    slots: dict[str, int | None],
) -> list[Note]:
    """`note` and the annotations that follow it up to one whose end has a time."""
    chain = [note]
    while slots[chain[-1].slots[1]] is None:  # type: ignore[index]
        follower = open_starts.get(chain[-1].slots[1])  # type: ignore[index]
        if follower is None or id(follower) in used:
            while waiting and id(waiting[0]) in used:
                waiting.popleft()
            follower = waiting[0] if waiting else None
        if follower is None:
            break
        used.add(id(follower))
        chain.append(follower)
    return chain


def _spread(chain: list[Note], slots: dict[str, int | None]) -> int:
    """Give the inner borders of a chain even times; the number of borders that got one."""
    start, end = slots[chain[0].slots[0]], slots[chain[-1].slots[1]]  # type: ignore[index]
    if start is None or end is None:
        return 0
    for index, (left, right) in enumerate(pairwise(chain), 1):
        time = start + ((end - start) * index * 2 + len(chain)) // (2 * len(chain))
        slots[left.slots[1]] = slots[right.slots[0]] = time  # type: ignore[index]
    return len(chain) - 1


def _refer(found: list[Layer]) -> None:
    """Times of the reference annotations, parents before children."""
    exact = {(layer.name, note.id): note for layer in reversed(found) for note in reversed(layer.notes)}
    anywhere = {note.id: note for note in reversed(list(exact.values()))}
    children: dict[int, dict[int, tuple[Layer, list[Note]]]] = {}
    for number, layer in enumerate(found):
        for note in layer.notes:
            if note.slots is None:
                above = exact.get((layer.parent or "", note.parent)) or anywhere.get(note.parent)
                if above is not None:
                    group = children.setdefault(id(above), {}).setdefault(number, (layer, []))
                    group[1].append(note)
    queue = [
        note for layer in found for note in layer.notes if note.start is not None and note.end is not None
    ]
    for note in queue:  # grows while it is walked
        for layer, siblings in children.pop(id(note), {}).values():
            _share(note, layer, siblings)
            queue += siblings


def _share(parent: Note, layer: Layer, group: list[Note]) -> None:
    start, end = parent.start or 0, parent.end or 0
    if layer.stereotype != SUBDIVISION:
        for note in group:
            note.start, note.end = start, end
        return
    ordered = _by_previous(group)
    for index, note in enumerate(ordered):
        note.start = start + (end - start) * index // len(ordered)
        note.end = start + (end - start) * (index + 1) // len(ordered)


def _by_previous(group: list[Note]) -> list[Note]:
    """The annotations in the order of their PREVIOUS_ANNOTATION; those outside the chain last."""
    after = {note.previous: note for note in reversed(group)}
    result: list[Note] = []
    done: set[int] = set()
    current = after.get("")
    while current is not None and id(current) not in done:
        result.append(current)
        done.add(id(current))
        current = after.get(current.id)
    return result + [note for note in group if id(note) not in done]
