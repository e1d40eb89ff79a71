"""Put tiers into a person's EAF by editing its tree: all other elements, ids, order and comments stay.

New are: time slots, tiers, their types and vocabulary, a language where the vocabulary needs one, a
PROPERTY of the header that names what is ours; ELAN's own count of annotation ids is kept right. The
document keeps its version.

What is ours is known by `part`, and, where that was lost, by the header PROPERTY, which ELAN keeps.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from vbannotate.events import Annotation
from vbannotate.formats import eaf_times, eaf_tree
from vbannotate.formats.base import EditedError, Merged, WriteOptions, check
from vbannotate.formats.eaf import TITLE, origin_of, path_of
from vbannotate.formats.eaf_insert import LAST_ID, Inserted, insert
from vbannotate.formats.eaf_times import Layer
from vbannotate.formats.eaf_tree import PROPERTY, Element
from vbannotate.formats.eaf_write import made, plain_json, rows_of
from vbannotate.formats.rows import Row, edited_message, fingerprint, name_notes

_LISTS = ("types", "vocabularies", "languages", "constraints")  # what our tiers need


def merge(data: bytes, annotation: Annotation, options: WriteOptions, name: str, part: Any) -> Merged:
    """The document in `data` with the tiers of `annotation`; those of the earlier `part` are replaced.

    Raises EditedError where a person has changed those.
    """
    check(annotation, TITLE)
    tree = eaf_tree.parse(data, name)
    root = tree.getroot()
    part = part or _known(eaf_tree.own_property(root).get("part"))
    if part:
        _take_out(root, part, name, options.replace_edited)
    names = [tier.get("TIER_ID", "") for tier in root.iterfind("TIER")]
    rows, notes = _fit(
        rows_of(annotation.tiers, names, _origin(root, annotation.media or options.media_path))
    )
    notes += name_notes(name, annotation, names)
    if not rows:
        return Merged(eaf_tree.serialise(tree, data), None, tuple(notes))
    done = insert(root, rows, confidence=options.confidence, scheme=options.labels)
    kept = _part(root, done, name)
    eaf_tree.set_property(root, PROPERTY, plain_json({**made(annotation), "part": kept}))
    return Merged(eaf_tree.serialise(tree, data), kept, tuple(notes))


def _known(part: Any) -> dict[str, Any] | None:
    """`part` as it stands in a header, or None where somebody has damaged it."""
    try:
        tiers = [{"name": str(entry["name"]), "digest": str(entry["digest"])} for entry in part["tiers"]]
        lists = {key: [str(name) for name in part[key]] for key in _LISTS}
        last = part["last_id"]
        return {"tiers": tiers, **lists, "last_id": last and [str(last[0]), str(last[1])]}
    except (TypeError, KeyError, IndexError):
        return None


def _origin(root: Element, media: str | None) -> int:
    """TIME_ORIGIN of the annotated medium, or of the first: annotation time = media time - origin."""
    found = root.findall("HEADER/MEDIA_DESCRIPTOR")
    wanted = posixpath.basename((media or "").replace("\\", "/"))
    for element in found:
        if wanted and posixpath.basename(path_of(element.get("MEDIA_URL", "")) or "") == wanted:
            return origin_of(element)
    return origin_of(found[0]) if found else 0


def _fit(rows: Iterable[Row]) -> tuple[list[Row], list[str]]:
    """The rows without what lies before the time zero of the document."""
    result, dropped = [], 0
    for row in rows:
        spans = tuple((max(start, 0), end, event) for start, end, event in row.spans if end > 0)
        dropped += len(row.spans) - len(spans)
        result.append(replace(row, spans=spans))
    return result, [f"{dropped} events before the file's time zero were left out"] if dropped else []


def _part(root: Element, done: Inserted, name: str) -> dict[str, Any]:
    layers = {layer.name: layer for layer in eaf_times.layers(root, name)}
    return {
        "tiers": [{"name": tier, "digest": _digest(layers[tier])} for tier in done.tiers],
        **{key: getattr(done, key) for key in _LISTS},
        "last_id": done.last_id,
    }


def _digest(layer: Layer) -> str:
    """A fingerprint of what a tier says; it survives saving in ELAN, which gives slots new ids."""
    return fingerprint([layer.parent, sorted((note.start, note.end, note.text) for note in layer.notes)])


def _take_out(root: Element, part: Mapping[str, Any], name: str, replace_edited: bool) -> None:
    """Remove our tiers of an earlier merge and what only they used.

    Raises EditedError where a person has changed them; with `replace_edited` those are the person's from now
    on, with the tiers they depend on and that depend on them.
    """
    layers = eaf_times.layers(root, name)
    ours: dict[str, Layer] = {}
    for entry in part["tiers"]:
        for layer in layers:
            if layer.name == entry["name"] and _digest(layer) == entry["digest"]:
                ours[layer.name] = layer
    edited = [entry["name"] for entry in part["tiers"] if entry["name"] not in ours]
    edited += [layer.parent for layer in layers if layer.parent in ours and layer.name not in ours]
    if edited and not replace_edited:
        raise EditedError(*edited_message(name, edited))
    kept = set(edited)
    for layer in layers * 2:  # up from a changed tier to its parent, then down to the parent's others
        if layer.name in kept and layer.parent:
            kept.add(layer.parent)
        elif layer.parent in kept:
            kept.add(layer.name)
    gone = [layer for layer in ours.values() if layer.name not in kept]
    for layer in gone:
        eaf_tree.remove(layer.element)
    _remove_unused(root, part, gone)
    last = eaf_tree.properties(root).get(LAST_ID)
    if not edited and last is not None and part["last_id"] and last.text == part["last_id"][1]:
        last.text = part["last_id"][0]


def _remove_unused(root: Element, part: Mapping[str, Any], gone: Iterable[Layer]) -> None:
    """Remove slots, types, vocabularies and languages of ours that nothing refers to any more."""
    slots = {slot for layer in gone for note in layer.notes for slot in note.slots or ()}
    slots -= {
        value
        for e in root.iter("ALIGNABLE_ANNOTATION")
        for key in ("1", "2")
        if (value := e.get(f"TIME_SLOT_REF{key}"))
    }
    _remove(root, "TIME_ORDER/TIME_SLOT", "TIME_SLOT_ID", slots)
    used = {tier.get("LINGUISTIC_TYPE_REF") for tier in root.iterfind("TIER")}
    _remove(root, "LINGUISTIC_TYPE", "LINGUISTIC_TYPE_ID", set(part["types"]) - used)
    used = {kind.get("CONTROLLED_VOCABULARY_REF") for kind in root.iterfind("LINGUISTIC_TYPE")}
    _remove(root, "CONTROLLED_VOCABULARY", "CV_ID", set(part["vocabularies"]) - used)
    used = {element.get("LANG_REF") for element in root.iter() if element.get("LANG_REF")}
    _remove(root, "LANGUAGE", "LANG_ID", set(part["languages"]) - used)
    used = {kind.get("CONSTRAINTS") for kind in root.iterfind("LINGUISTIC_TYPE")}
    _remove(root, "CONSTRAINT", "STEREOTYPE", set(part["constraints"]) - used)
    own = eaf_tree.properties(root).get(PROPERTY)
    if own is not None:
        eaf_tree.remove(own)


def _remove(root: Element, path: str, key: str, names: Collection[str | None]) -> None:
    for element in [e for e in root.iterfind(path) if e.get(key) in names]:
        eaf_tree.remove(element)
