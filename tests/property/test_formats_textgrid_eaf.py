"""TextGrid and EAF: any annotation comes back; a damaged file gives events or a FormatError, no trace."""

from __future__ import annotations

import csv
import random
import re
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats import eaf, textgrid
from vbannotate.formats.base import WriteOptions

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "formats"
RATED = WriteOptions(confidence=True)
FORMATS = {"textgrid": textgrid, "eaf": eaf}
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

labels = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ['"', '""', "!", "<exists>", "1.5", "&lt;", "]]>", "a\nb", "\ufeff", " x ", "xmin = 1"]
)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(
    lambda n: not n.endswith("-confidence")
)
times = st.integers(0, 400_000_000)
confidences = st.none() | st.integers(0, 1_000_000).map(lambda millionths: millionths / 1_000_000)


@st.composite
def events(draw, points: bool = False):
    onset = draw(times)
    length = 0 if points else draw(st.integers(1, 5_000_000))
    return Event.from_us(onset, onset + length, draw(labels), draw(confidences))


@st.composite
def tiers(draw):
    points = draw(st.booleans())
    return Tier(draw(names), draw(st.lists(events(points=points), max_size=6)), points=points)


annotations = st.builds(
    Annotation,
    tiers=st.lists(tiers(), max_size=3, unique_by=lambda tier: tier.name).map(tuple),
    duration_us=st.integers(400_000_000, 500_000_000),
)


def all_of(
    annotation: Annotation, shown=lambda text, points: text, ms=lambda us: us, short=lambda a, b: (a, b)
):
    """Every event as values, tier by tier, whatever rows the overlaps went to."""
    return sorted(
        (*short(ms(e.onset_us), ms(e.offset_us)), shown(e.label, tier.points), e.confidence)
        for tier in annotation.tiers
        for e in (e if e.confidence is not None else e.with_(confidence=-1) for e in tier.events)
    )


@FAST
@given(annotations)
def test_a_textgrid_gives_back_what_was_written(annotation):
    def shown(text: str, points: bool) -> str:
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
        return text if points or text.strip() else "burst"

    back = textgrid.read(textgrid.write(annotation, RATED), "x")
    assert all_of(back) == all_of(annotation, shown)
    assert back.duration_us == annotation.duration_us
    assert textgrid.read(textgrid.write(back, RATED), "x") == back


@FAST
@given(annotations)
def test_an_eaf_gives_back_what_was_written(annotation):
    def shown(text: str, points: bool) -> str:
        return re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)

    def short(start: int, end: int) -> tuple[int, int]:
        return start, max(end, start + 1000)

    def ms(us: int) -> int:
        return (us + 500) // 1000 * 1000

    back = eaf.read(eaf.write(annotation, RATED), "x")
    assert all_of(back) == all_of(annotation, shown, ms, short)
    assert back.duration_us == annotation.duration_us
    assert eaf.read(eaf.write(back, RATED), "x") == back


@FAST
@given(annotations, annotations)
@pytest.mark.parametrize("kind", FORMATS)
def test_ours_merged_and_taken_out_leaves_the_file(kind, person, ours):
    module = FORMATS[kind]
    data = module.write(person, RATED)
    merged = module.merge(data, ours, RATED, "x")
    assert module.merge(merged.data, ours, RATED, "x", merged.part).data == merged.data
    back = module.merge(merged.data, Annotation(), RATED, "x", merged.part).data
    if kind == "textgrid":
        assert back == data
    else:  # what the header said of its making went with our part
        assert eaf.read(back, "x").tiers == eaf.read(data, "x").tiers


def real(kind: str) -> list[Path]:
    if not (SHARED / "manifest.csv").exists():
        pytest.skip("the shared annotation files are not beside this repository")
    rows = csv.DictReader((SHARED / "manifest.csv").open(encoding="utf-8"))
    return [SHARED / r["file"] for r in rows if r["kind"] == kind and 0 < int(r["bytes"]) < 20_000]


def mutated(data: bytes, dice: random.Random) -> bytes:
    """`data` damaged once or twice: mostly tokens changed for others, else bytes changed, cut or doubled."""
    broken = bytearray(data)
    for _ in range(dice.randint(1, 2)):
        if not broken:
            return b""
        tokens = [m.span() for m in re.finditer(rb'"[^"]*"|[0-9.]+|<[^<>]*>', bytes(broken))]
        at, end = dice.choice(tokens or [(0, 1)])
        other, stop = dice.choice(tokens or [(0, 1)])
        if dice.random() < 0.3:
            at, other = dice.randrange(len(broken)), dice.randrange(len(broken))
            end, stop = at + dice.randint(0, 40), other + dice.randint(0, 40)
        odd = dice.choice(
            [b"", b'"', b"-1", b"1e999", b"9" * 30, b"0", b"&", b"nan", b"1,5", b"\0", b'""', b"7"]
        )
        chosen = dice.random()
        broken[at:end] = broken[other:stop] if chosen < 0.6 else odd if chosen < 0.95 else b""
        if chosen > 0.98:
            del broken[at:]
    return bytes(broken)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_file_never_gives_a_trace(kind, offline):
    module, dice = FORMATS[kind], random.Random(20240607)
    ours = Annotation.of([Event(0.1, 0.2, "laugh", 0.5), Event(0.15, 0.3, "cough")])
    files = real(kind)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(300):
        path = dice.choice(files)
        data = mutated(path.read_bytes(), dice)
        module.guess(data, path.name)
        try:
            annotation = module.read(data, path.name)
            outcomes["read"] += 1
        except FormatError as error:
            assert "\n" not in str(error)
            outcomes["refused"] += 1
            continue
        for attempt in (
            partial(module.write, annotation, RATED),
            partial(module.merge, data, ours, RATED, path.name),
        ):
            try:
                attempt()
            except FormatError as error:
                assert "\n" not in str(error)
    assert min(outcomes.values()) > 50
