"""Real label tracks, subtitles and tables: read or refused in one line, written again, merged into."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from vbannotate import files, formats
from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event
from vbannotate.formats.base import WriteOptions

OURS = Annotation.of(
    [
        Event(0.2, 0.5, "laugh"),
        Event(3, 3.2, "cough"),
        Event(8, 8.4, "sigh"),
        Event(100, 130, "laugh"),
        Event(5e3, 5001, "wow"),
    ]
)
NOTHING = Annotation.of([])
W3C = json.loads(Path(__file__).with_name("vtt_w3c.json").read_text("utf-8"))

# What cannot be meant as a file of its kind; everything else is kept.
REFUSED = {
    "srt": {
        "webvtt-py__invalid_format1.srt",
        "webvtt-py__invalid_format2.srt",
        "webvtt-py__invalid_format3.srt",
    },
    "vtt": {"go-astisub__broken-1-in.vtt"},
    "csv": {"miso-sound-annotate__segmentation_info.csv"},  # clips with a length, no onsets
    "audacity": set(),
    "raven": set(),
}
COUNTS = {"srt": 33, "vtt": 68, "csv": 25, "audacity": 27, "raven": 7}
# A file without signature: players refuse it, the W3C's reference parser drops its first line, we keep it.
UNSIGNED = {"ag__voices_class_only.vtt", "go-astisub__broken-1-in.vtt", "webvtt-py__invalid.vtt"}


def real(shared: Path, kind: str) -> list[Path]:
    found = sorted((shared / "data" / "formats" / kind).iterdir())
    assert len(found) == COUNTS[kind]
    return found


def content(annotation: Annotation) -> Annotation:
    """What must survive: tiers in order of time, without the warnings."""
    return annotation.with_(tiers=tuple(tier.sorted() for tier in annotation.tiers))


@pytest.mark.parametrize("kind", COUNTS)
def test_every_file_is_kept_or_refused_in_one_line(shared, kind):
    refused = set()
    for path in real(shared, kind):
        try:
            first = formats.read(path)
        except FormatError as error:
            assert path.name in str(error) and "\n" not in str(error)
            refused.add(path.name)
            continue
        name = formats.guess_format(path, path.read_bytes())
        again = formats.parse(formats.render(first, name), path.name, name)
        assert content(again) == content(first), path.name
    assert refused == REFUSED[kind]


@pytest.mark.parametrize("kind", ["audacity", "srt", "vtt"])
def test_a_merge_changes_nothing_of_a_person_and_can_be_taken_back(shared, kind):
    module = formats.module(kind)
    for path in real(shared, kind):
        data = path.read_bytes()
        if path.name in REFUSED[kind]:
            continue
        merged = module.merge(data, OURS, WriteOptions(), path.name, None)
        assert merged.data != data
        again = module.merge(merged.data, OURS, WriteOptions(), path.name, merged.part)
        assert again.data == merged.data and again.part == merged.part, path.name
        back = module.merge(merged.data, NOTHING, WriteOptions(), path.name, merged.part)
        assert back.data == data, path.name


def test_audacity_labels_of_people_stay_before_ours(shared):
    module = formats.module("audacity")
    for path in real(shared, "audacity"):
        data = path.read_bytes()
        before = formats.read(path).tiers[0].events
        merged = module.merge(data, OURS, WriteOptions(), path.name, None).data
        assert merged.startswith(data)
        after = module.read(merged, path.name).tiers[0].events
        assert after == before + OURS.events, path.name


@pytest.mark.parametrize("kind", ["srt", "vtt"])
@pytest.mark.parametrize("exact", [False, True])
def test_own_cues_never_lie_over_dialogue(shared, kind, exact):
    module = formats.module(kind)
    for path in real(shared, kind):
        if path.name in REFUSED[kind]:
            continue
        people = module.read(path.read_bytes(), path.name).tiers[0].events
        merged = module.merge(path.read_bytes(), OURS, WriteOptions(exact=exact), path.name, None)
        for record in merged.part:
            if record["kind"] != "cue":
                continue
            start, end = record["start_us"], record["end_us"]
            over = [e for e in people if e.onset_us < end and start < e.offset_us and e.duration_us > 0]
            assert over == [], path.name
        times = [(e.onset_us, e.offset_us) for e in people]
        after = module.read(merged.data, path.name).tiers[0].events
        assert [t for t in times if t not in {(e.onset_us, e.offset_us) for e in after}] == []
        assert len(after) == len(people) + sum(r["kind"] == "cue" for r in merged.part)


def test_vtt_cues_are_those_of_the_w3c_parser(shared):
    """Golden: webvtt-parser 2.2.0 (npm), mode "metadata"; [start ms, end ms, id, text] by start."""
    same = set()
    for path in real(shared, "vtt"):
        if path.name in UNSIGNED:
            continue
        events = formats.read(path).tiers[0].events
        rows = [
            [e.onset_us // 1000, e.offset_us // 1000, e.extra.get("vtt_id", ""), e.extra["vtt"]]
            for e in events
        ]
        rows.sort(key=lambda row: (row[0], -row[1]))
        digest = hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()[:16]
        assert [len(rows), digest] == W3C[path.name], path.name
        same.add(path.name)
    assert len(same) == 65


def test_encodings_and_marks_go_back_as_they_came(shared):
    module = formats.module("srt")
    folder = shared / "data" / "formats" / "srt"
    for name in (
        "pysrt__bom-utf-16-be",
        "pysrt__bom-utf-32-le",
        "pysrt__bom-utf-8",
        "subtitles__utf16",
        "srt__gb2312",
    ):
        data = (folder / f"{name}.srt").read_bytes()
        merged = module.merge(data, OURS, WriteOptions(), name, None).data
        bom = files.decode(data, name).bom
        assert (
            merged.startswith(bom)
            and files.decode(merged, name).encoding == files.decode(data, name).encoding
        )
        assert module.merge(merged, NOTHING, WriteOptions(), name, None).data == merged
        labels = {event.label for event in module.read(merged, name).events}
        assert "wow" in labels


def test_all_encodings_of_one_subtitle_read_alike(shared):
    folder = shared / "data" / "formats" / "srt"
    names = [f"pysrt__bom-utf-{x}.srt" for x in ("8", "16-be", "16-le", "32-be", "32-le")]
    first, *others = [formats.read(folder / name) for name in names]
    assert len(first.events) == 7 and all(other.tiers == first.tiers for other in others)


def test_a_wide_table_gives_an_event_for_each_pair(shared):
    """Count: cells of all Start* columns of the file that are not empty."""
    path = shared / "data" / "formats" / "csv" / "laughter-detection__clean_laughter_annotations.csv"
    lines = [line.split(",") for line in path.read_text("ascii").splitlines()]
    starts = [k for k, name in enumerate(lines[0]) if name.startswith("Start")]
    assert len(formats.read(path).events) == sum(bool(row[k]) for row in lines[1:] for k in starts)


def test_labels_of_people_convert_to_every_format(shared):
    path = shared / "data" / "formats" / "audacity" / "miso-sound-annotate__125403_labels.txt"
    first = formats.read(path)
    for name in formats.names():
        if not hasattr(formats.module(name), "write"):
            continue
        options = replace(WriteOptions(), exact=True)
        again = formats.parse(formats.render(first, name, options), "x", name)
        step = formats.module(name).KEEPS.resolution_us
        for old, new in zip(first.events, again.events, strict=True):
            assert (new.label, abs(new.onset_us - old.onset_us) < step) == (old.label, True), name
