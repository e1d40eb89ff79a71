"""Put rows of events into an EAF tree: time slots, tiers, types, vocabulary; nothing else changes.

Ids continue after the highest in use. Documents before 2.8 get the vocabulary in its older, monolingual form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vbannotate.formats.eaf_tree import Element, add, place, properties, set_property
from vbannotate.formats.rows import CONFIDENCE, Row, confidence_text, free_name

TYPE, CONFIDENCE_TYPE, VOCABULARY = "vocal-burst", "vocal-burst-confidence", "vocal-bursts"
LAST_ID = "lastUsedAnnotationId"
# A vocabulary is a closed list to choose from (the largest burst scheme has 82 classes); free text is none.
VOCABULARY_LIMIT = 100

# What ELAN writes as the meaning of each stereotype.
CONSTRAINTS = {
    "Time_Subdivision": "Time subdivision of parent annotation's time interval, no time gaps allowed within "
    "this interval",
    "Symbolic_Subdivision": "Symbolic subdivision of a parent annotation. Annotations refering to the same "
    "parent are ordered",
    "Symbolic_Association": "1-1 association with a parent annotation",
    "Included_In": "Time alignable annotations within the parent annotation's time interval, gaps are "
    "allowed",
}
_UNDETERMINED = {"LANG_DEF": "http://cdb.iso.org/lg/CDB-00130975-001", "LANG_LABEL": "undetermined (und)"}
# All of these are one space of ids.
_IDS = (
    "TIME_SLOT_ID",
    "ANNOTATION_ID",
    "LANG_ID",
    "LANGUAGE_CODE",
    "STEREOTYPE",
    "EXT_REF_ID",
    "LEX_REF_ID",
)
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, Char


def clean(text: str) -> str:
    """`text` with what XML cannot hold replaced by U+FFFD."""
    return _UNWRITABLE.sub("\ufffd", text)


@dataclass(slots=True)
class Inserted:
    """The names of what was put in: the tiers, and what they need."""

    tiers: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    vocabularies: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    confidence_type: str = ""
    last_id: tuple[str, str] | None = None  # the document's count of annotations before and after


def insert(root: Element, rows: Sequence[Row], *, confidence: bool, scheme: Sequence[str] = ()) -> Inserted:
    """Put `rows` (spans in milliseconds) into the document; `scheme` are labels for the vocabulary."""
    done, ids = Inserted(), _Ids(root)
    slots = _slots(root, rows, ids)
    vocabulary, entries = _vocabulary(root, rows, scheme, ids, done)
    kinds: dict[str, str] = {}
    names = {tier.get("TIER_ID") for tier in root.iterfind("TIER")} | {row.name for row in rows}
    for index, row in enumerate(rows):
        wished = _wished(row)
        kind = wished.get("type") or TYPE
        if kind not in kinds:
            kinds[kind] = _type(root, kind, {"TIME_ALIGNABLE": "true"}, vocabulary, done)
        tier = _tier(row.name, kinds[kind], wished, done)
        given = []
        for (_, _, event), (start, end) in zip(row.spans, slots[index], strict=True):
            name = ids.next("a")
            reference = {"CVE_REF": entries[event.label]} if event.label in entries else {}
            _annotation(
                tier, "ALIGNABLE_ANNOTATION", event.label,
                ANNOTATION_ID=name, TIME_SLOT_REF1=start, TIME_SLOT_REF2=end, **reference,
            )  # fmt: skip
            given.append(name)
        add(root, tier, place(root, "TIER"))
        if confidence and row.rated:
            names.add(name := free_name(row.name + CONFIDENCE, names))
            _confidences(root, name, row, given, ids, done)
    _count(root, ids, done)
    return done


class _Ids:
    """The ids of a document; new ones continue its numbers."""

    def __init__(self, root: Element) -> None:
        self.used = {value for element in root.iter() for name in _IDS if (value := element.get(name))}
        last = properties(root).get(LAST_ID)
        counted = _number("", (last.text or "").strip()) if last is not None else 0
        self.last = {
            prefix: max((_number(prefix, v) for v in self.used), default=0) for prefix in ("a", "ts")
        }
        self.last["a"] = max(self.last["a"], counted)

    def next(self, prefix: str) -> str:
        self.last[prefix] += 1
        return f"{prefix}{self.last[prefix]}"


def _number(prefix: str, text: str) -> int:
    match = re.fullmatch(re.escape(prefix) + "([0-9]{1,15})", text)
    return int(match[1]) if match else 0


def _wished(row: Row) -> Mapping[str, Any]:
    """What the tier said of itself in the EAF it came from; the type of a dependent tier cannot be kept."""
    kept = row.tier.extra.get("eaf")
    if not isinstance(kept, Mapping):
        return {}
    return {
        k: clean(v)
        for k, v in kept.items()
        if isinstance(v, str) and not (k == "type" and "stereotype" in kept)
    }


def _slots(root: Element, rows: Sequence[Row], ids: _Ids) -> list[list[tuple[str, str]]]:
    """Add two time slots for each span, in order of time; the ids of start and end by row and span."""
    from lxml import etree

    order = root.find("TIME_ORDER")
    if order is None:
        order = etree.Element("TIME_ORDER")
        add(root, order, place(root, "TIME_ORDER"))
    borders = sorted(
        (time, r, i, side)
        for r, row in enumerate(rows)
        for i, span in enumerate(row.spans)
        for side, time in enumerate(span[:2])
    )
    named: dict[tuple[int, int, int], str] = {}
    inner = order.text if len(order) and order.text else "\n" + 8 * " "
    outer = order[-1].tail if len(order) else "\n" + 4 * " "
    if borders and len(order):
        order[-1].tail = inner
    for time, r, i, side in borders:
        name = named[r, i, side] = ids.next("ts")
        etree.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=name, TIME_VALUE=str(time)).tail = inner
    if borders:
        order.text, order[-1].tail = inner, outer
    return [[(named[r, i, 0], named[r, i, 1]) for i in range(len(row.spans))] for r, row in enumerate(rows)]


def _tier(name: str, kind: str, wished: Mapping[str, str], done: Inserted, **more: str) -> Element:
    from lxml import etree

    people = {key.upper(): wished[key] for key in ("participant", "annotator") if wished.get(key)}
    done.tiers.append(name)
    return etree.Element("TIER", LINGUISTIC_TYPE_REF=kind, **more, **people, TIER_ID=name)


def _annotation(tier: Element, kind: str, text: str, **attributes: str) -> None:
    from lxml import etree

    element = etree.SubElement(etree.SubElement(tier, "ANNOTATION"), kind, **attributes)
    etree.SubElement(element, "ANNOTATION_VALUE").text = clean(text)


def _confidences(root: Element, name: str, row: Row, given: Sequence[str], ids: _Ids, done: Inserted) -> None:
    """A dependent tier with the confidence of each annotation of the tier before it."""
    if not done.confidence_type:
        attributes = {"CONSTRAINTS": "Symbolic_Association", "TIME_ALIGNABLE": "false"}
        _constraint(root, "Symbolic_Association", done)
        done.confidence_type = _type(root, CONFIDENCE_TYPE, attributes, None, done)
    tier = _tier(name, done.confidence_type, {}, done, PARENT_REF=row.name)
    for (_, _, event), above in zip(row.spans, given, strict=True):
        if event.confidence is not None:
            text = confidence_text(event.confidence)
            _annotation(tier, "REF_ANNOTATION", text, ANNOTATION_ID=ids.next("a"), ANNOTATION_REF=above)
    add(root, tier, place(root, "TIER"))


def _type(
    root: Element, kind: str, attributes: Mapping[str, str], vocabulary: str | None, done: Inserted
) -> str:
    """Add a linguistic type and return its name; a type of that name that stands there is never touched."""
    from lxml import etree

    name = free_name(kind, {t.get("LINGUISTIC_TYPE_ID", "") for t in root.iterfind("LINGUISTIC_TYPE")})
    element = etree.Element(
        "LINGUISTIC_TYPE", GRAPHIC_REFERENCES="false", LINGUISTIC_TYPE_ID=name, **attributes
    )
    if vocabulary:
        element.set("CONTROLLED_VOCABULARY_REF", vocabulary)
    add(root, element, place(root, "LINGUISTIC_TYPE"))
    done.types.append(name)
    return name


def _constraint(root: Element, stereotype: str, done: Inserted) -> None:
    from lxml import etree

    if stereotype not in {c.get("STEREOTYPE") for c in root.iterfind("CONSTRAINT")}:
        element = etree.Element("CONSTRAINT", DESCRIPTION=CONSTRAINTS[stereotype], STEREOTYPE=stereotype)
        add(root, element, place(root, "CONSTRAINT"))
        done.constraints.append(stereotype)


def _vocabulary(
    root: Element, rows: Sequence[Row], scheme: Sequence[str], ids: _Ids, done: Inserted
) -> tuple[str | None, dict[str, str]]:
    """Add the vocabulary of the labels; its name and the entry of each label (before 2.8: no entries)."""
    from lxml import etree

    labels = list(dict.fromkeys([*scheme, *(event.label for row in rows for _, _, event in row.spans)]))
    labels = [label for label in labels if label.strip() and clean(label) == label]
    if not labels or (len(labels) > VOCABULARY_LIMIT and not scheme):
        return None, {}
    taken = {v.get("CV_ID", "") for v in root.iterfind("CONTROLLED_VOCABULARY")}
    element = etree.Element("CONTROLLED_VOCABULARY", CV_ID=free_name(VOCABULARY, taken))
    done.vocabularies.append(element.get("CV_ID"))
    entries: dict[str, str] = {}
    if _version(root) < (2, 8):
        element.set("DESCRIPTION", "")
        for label in labels:
            etree.SubElement(element, "CV_ENTRY", DESCRIPTION="").text = label
    else:
        language = _language(root, ids, done)
        etree.SubElement(element, "DESCRIPTION", LANG_REF=language)
        known = {entry.get("CVE_ID", "") for entry in root.iter("CV_ENTRY_ML")}
        for number, label in enumerate(labels, 1):
            entries[label] = free_name(f"vb-{number}", known)
            entry = etree.SubElement(element, "CV_ENTRY_ML", CVE_ID=entries[label])
            etree.SubElement(entry, "CVE_VALUE", DESCRIPTION="", LANG_REF=language).text = label
    add(root, element, place(root, "CONTROLLED_VOCABULARY"))
    return element.get("CV_ID"), entries


def _version(root: Element) -> tuple[int, ...]:
    text = root.get("FORMAT") or root.get("VERSION") or "3.0"
    return (
        tuple(map(int, text.split("."))) if re.fullmatch(r"\d{1,3}(\.\d{1,3})*", text, re.ASCII) else (3, 0)
    )


def _language(root: Element, ids: _Ids, done: Inserted) -> str:
    """The id of the language "undetermined", which ELAN's own vocabularies have by default."""
    from lxml import etree

    for element in root.iterfind("LANGUAGE"):
        if element.get("LANG_DEF") == _UNDETERMINED["LANG_DEF"] and element.get("LANG_ID"):
            return element.get("LANG_ID")
    referred = {value for element in root.iter() if (value := element.get("LANG_REF"))}  # even to nowhere
    name = free_name("und", ids.used | referred)
    add(root, etree.Element("LANGUAGE", **_UNDETERMINED, LANG_ID=name), place(root, "LANGUAGE"))
    done.languages.append(name)
    return name


def _count(root: Element, ids: _Ids, done: Inserted) -> None:
    """Keep ELAN's count of annotation ids right, where the document has one."""
    last = properties(root).get(LAST_ID)
    if last is not None:
        done.last_id = (last.text or "", str(ids.last["a"]))
        set_property(root, LAST_ID, done.last_id[1])
