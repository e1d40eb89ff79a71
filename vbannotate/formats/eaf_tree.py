"""An EAF document as an XML tree: parsed without entities, DTDs or network, and serialised as it came.

Source: EAF format 3.0 and its predecessors (https://www.mpi.nl/tools/elan/EAFv3.0.xsd), and what ELAN 6.9
reads and writes.
"""

from __future__ import annotations

import json
import re
from typing import Any

from vbannotate.errors import FormatError

# The fixed order of the elements below the root.
ORDER = (
    "LICENSE",
    "HEADER",
    "TIME_ORDER",
    "TIER",
    "LINGUISTIC_TYPE",
    "LOCALE",
    "LANGUAGE",
    "CONSTRAINT",
    "CONTROLLED_VOCABULARY",
    "LEXICON_REF",
    "REF_LINK_SET",
    "EXTERNAL_REF",
)
PROPERTY = (
    "vbannotate"  # NAME of the header PROPERTY that holds what is ours, as JSON; ELAN keeps foreign ones
)

_ROOT = "ANNOTATION_DOCUMENT"
_FIRST_TAG = re.compile(rb"<[A-Za-z_]")
_DECLARATION = re.compile(r"\A\ufeff?(<\?xml[^>]*\?>)?(\s*)")
_ROOT_TAG = re.compile(r"""<ANNOTATION_DOCUMENT(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_MEND = "open it in ELAN and save it again"

Element = Any  # lxml has no types of its own


def parse(data: bytes, name: str) -> Element:
    """The tree of an EAF document. Raises FormatError for anything else, in one line that says why."""
    from lxml import etree

    if not data.strip(b"\0 \t\r\n"):
        raise FormatError(f"{name}: the file is empty", "take it from a backup, or save it again in ELAN")
    plain = data.replace(b"\0", b"")  # UTF-16 included
    first = _FIRST_TAG.search(plain)
    doctype = b"<!DOCTYPE" in plain[: first.start() if first else None]
    if not doctype:
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
        )
        try:
            tree = etree.ElementTree(etree.fromstring(data, parser))
        except (etree.XMLSyntaxError, ValueError, LookupError) as error:
            line = getattr(error, "lineno", None) or 1
            reason = " ".join(str(error.args[0] if error.args else error).split())
            raise FormatError(f"{name}, line {line}: not well-formed XML: {reason}", _MEND) from error
        doctype = bool(tree.docinfo.doctype)
    if doctype:
        raise FormatError(
            f"{name}: a DOCTYPE, which an EAF file never has, is refused", "remove it from the file"
        )
    if tree.getroot().tag != _ROOT:
        tag = str(tree.getroot().tag)[:60]
        raise FormatError(f"{name}: the root element is {tag}, not {_ROOT}", "give an ELAN annotation file")
    return tree


def serialise(tree: Element, original: bytes | None = None) -> bytes:
    """The bytes of a tree: declaration, encoding, byte order mark and line ends as in `original`."""
    from lxml import etree

    text = etree.tostring(tree, encoding="unicode")
    if original is None:
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()
    encoding = (tree.docinfo.encoding or "utf-8").lower()
    codec, bom = _codec(original, encoding)
    before = original[len(bom) :].decode(codec, "replace")
    found = _DECLARATION.match(before)
    head = (found[1] or "") + (found[2] or "") if found else ""
    tail = before[len(before.rstrip()) :]
    if (old := _ROOT_TAG.search(before)) and (new := _ROOT_TAG.search(text)):  # lxml moves the namespaces
        text = text[: new.start()] + old[0].replace("\r\n", "\n") + text[new.end() :]
    text = text.strip()
    whole = head.replace("\r\n", "\n") + text + tail.replace("\r\n", "\n")
    if "\r\n" in before and before.count("\r\n") == before.count("\n"):
        whole = whole.replace("\n", "\r\n")
    return bom + whole.encode(codec, "xmlcharrefreplace")


def _codec(data: bytes, encoding: str) -> tuple[str, bytes]:
    """The codec without byte order mark and the mark that stands in the file."""
    for bom, codec in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(bom):
            return codec, bom
    if encoding.startswith("utf-16"):
        return ("utf-16-be" if data[:1] == b"\0" else "utf-16-le"), b""
    return encoding, b""


def place(root: Element, tag: str) -> int:
    """The index below `root` where a new element `tag` goes: after its own kind and all kinds before it."""
    rank = ORDER.index(tag)
    after = [
        index
        for index, child in enumerate(root)
        if isinstance(child.tag, str) and child.tag in ORDER and ORDER.index(child.tag) <= rank
    ]
    return max(after, default=-1) + 1


def add(parent: Element, child: Element, index: int | None = None, level: int = 1) -> None:
    """Insert `child`, indented like its neighbours, without changing how they stand."""
    from lxml import etree

    index = len(parent) if index is None else index
    etree.indent(child, space="    ", level=level)
    inner = parent.text if len(parent) and parent.text else "\n" + "    " * level
    if index > 0:
        previous = parent[index - 1]
        child.tail = previous.tail
        previous.tail = inner
    else:
        child.tail = inner if len(parent) else "\n" + "    " * (level - 1)
        parent.text = inner
    parent.insert(index, child)


def remove(child: Element) -> None:
    """Take `child` out; the white space around its neighbours stays as if it had never been there."""
    parent, previous, tail = child.getparent(), child.getprevious(), child.tail
    last = child.getnext() is None
    parent.remove(child)
    if last and previous is not None:
        previous.tail = tail
    elif last:
        parent.text = None


def properties(root: Element) -> dict[str, Element]:
    """The PROPERTY elements of the header by name."""
    return {element.get("NAME", ""): element for element in root.iterfind("HEADER/PROPERTY")}


def own_property(root: Element) -> dict[str, Any]:
    """What we wrote into the header, or nothing."""
    element = properties(root).get(PROPERTY)
    try:
        value = json.loads(element.text or "") if element is not None else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def set_property(root: Element, name: str, text: str) -> None:
    """Set a PROPERTY of the header; a new one goes last."""
    from lxml import etree

    found = properties(root).get(name)
    if found is not None:
        found.text = text
        return
    element = etree.Element("PROPERTY", NAME=name)
    element.text = text
    header = root.find("HEADER")
    if header is None:
        header = etree.Element("HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
        add(root, header, place(root, "HEADER"))
    add(header, element, level=2)
