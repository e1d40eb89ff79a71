"""Corrections: verdicts, the prediction as exported, every format with known edits, folders, the command."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer import Typer
from typer.testing import CliRunner

from vbannotate import formats
from vbannotate.cli.corrections import corrections as command
from vbannotate.corrections import KINDS, correct, diff
from vbannotate.errors import UsageError, VbannotateError
from vbannotate.events import Annotation, Event, Span, Tier
from vbannotate.formats.base import WriteOptions
from vbannotate.times import to_us

# Off the millisecond and off the 10 ms grid, two close together, short ones: what writers change.
PREDICTED = [
    Event(1.2345, 1.4, "laugh", 0.9),
    Event(1.41, 1.9, "cough", 0.5),
    Event(5.00005, 5.3, "laugh", 0.7),
    Event(9, 9.5, "laugh", 0.4),
    Event(12, 13, "sigh", 0.8),
]
FORMATS = ("audacity", "textgrid", "eaf", "srt", "vtt", "csv", "tsv", "raven")
LENGTH_US = to_us(20)


def exported(format, options=None, name=None, events=PREDICTED):
    """A prediction that remembers its export, and the exported bytes."""
    options = options or WriteOptions()
    plain = Annotation.of(events, duration_us=LENGTH_US, media="talk.wav")
    data = formats.render(plain, format, options)
    entry = {"format": format, "sha256": hashlib.sha256(data).hexdigest(), "exact": options.exact}
    name = name or f"talk{formats.suffixes(format)[0]}"
    return plain.with_(provenance={"exports": {name: entry}}), data, name


def by_hand(format, data, edit):
    """The file after a person's edits, written by our writer in its own words: cues keep their texts."""
    annotation = formats.parse(data, "file", format)
    tiers = tuple(Tier(t.name, tuple(edit(list(t.events))), t.points, t.extra) for t in annotation.tiers)
    return annotation.with_(tiers=tiers)


def edits(events):
    """Delete the laugh at 9 s, lengthen the sigh, turn the laugh at 5 s into a cough, add a cry."""
    result = []
    for event in events:
        if event.onset_us == to_us(9):
            continue
        if event.onset_us == to_us(12):
            event = event.with_(offset_us=event.offset_us + 200_000)
        if to_us(4.9) < event.onset_us < to_us(5.1):
            event = event.with_(
                label="cough", extra={key: "[coughs]" for key in ("srt", "vtt") if key in event.extra}
            )
        result.append(event)
    new = {key: "[crying]" for key in ("srt", "vtt") if key in events[0].extra}
    return [*result, Event(15, 15.5, "cry", None, new)]


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("format", FORMATS)
def test_an_untouched_file_is_kept_and_gives_the_prediction_back(format, recorded):
    predicted, data, name = exported(format)
    if not recorded:
        predicted = predicted.with_(provenance={})
    found = correct(predicted, formats.parse(data, name, format), format=format, name=name, data=data)
    assert found.counts == {**dict.fromkeys(KINDS, 0), "kept": 5}
    assert found.annotation.events == tuple(e.with_(confidence=None) for e in PREDICTED)
    assert any("nobody has changed" in note for note in found.notes) == recorded


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("format", FORMATS)
def test_known_edits_are_recognised_in_every_format(format, recorded):
    predicted, data, name = exported(format)
    if not recorded:
        predicted = predicted.with_(provenance={})
    found = correct(predicted, by_hand(format, data, edits), format=format, name=name)
    assert {kind: n for kind, n in found.counts.items() if n} == {
        "kept": 2,
        "moved": 1,
        "relabelled": 1,
        "deleted": 1,
        "added": 1,
    }
    expected = [
        PREDICTED[0].with_(confidence=None),
        PREDICTED[1].with_(confidence=None),
        PREDICTED[2].with_(confidence=None, label="cough"),
        Event(12, 13.2, "sigh"),
        Event(15, 15.5, "cry"),
    ]
    assert found.annotation.events == tuple(expected)
    (moved,) = [v for v in found.verdicts if v.kind == "moved"]
    assert (moved.onset_shift_us, moved.offset_shift_us) == (0, 200_000)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("format", ["srt", "vtt"])
def test_display_times_of_subtitles_are_no_edits(format, exact):
    predicted, data, name = exported(format, WriteOptions(exact=exact))
    shown = formats.parse(data, name, format).events
    assert exact == (len(shown) == len(PREDICTED))  # a cue of several bursts, shown longer than they last
    found = correct(predicted, formats.parse(data, name, format), format=format, name=name, data=data)
    assert found.counts["kept"] == 5


def test_both_bursts_of_a_deleted_cue_are_deleted():
    predicted, data, name = exported("srt")
    found = correct(predicted, by_hand("srt", data, lambda events: events[1:]), format="srt", name=name)
    assert (found.counts["deleted"], found.counts["kept"]) == (2, 3)


def test_speech_in_a_transcript_is_not_added():
    predicted, data, name = exported("srt")
    text = "1\n00:00:01,000 --> 00:00:03,000\nGood evening.\n\n" + data.decode()
    found = correct(predicted, formats.parse(text.encode(), name, "srt"), format="srt", name=name)
    assert found.counts["added"] == 0
    assert any("1 cue(s) without brackets are speech" in note for note in found.notes)


@pytest.mark.parametrize("by", [0, 400, 1000])
def test_kept_means_within_the_resolution(by):
    after = [e.with_(onset_us=e.onset_us + by, offset_us=e.offset_us - by) for e in PREDICTED]
    groups = diff(PREDICTED, after, 1000)
    assert {group.kind for group in groups} == {"kept"}
    assert {group.kind for group in diff(PREDICTED, after, 399)} == ({"kept"} if not by else {"moved"})


def test_a_dragged_event_is_known_by_its_id():
    before = [Event(0, 1, "x", None, {"id": "a1"}), Event(3, 4, "x", None, {"id": "a2"})]
    after = [Event(50, 51, "x", None, {"id": "a1"}), Event(3, 4, "y", None, {"id": "a2"})]
    assert [group.kind for group in diff(before, after)] == ["moved", "relabelled"]
    without = [e.with_(extra={}) for e in after]
    assert [group.kind for group in diff(before, without)] == ["deleted", "relabelled", "added"]


def test_ids_do_not_hide_a_split():
    before = [Event(0, 2, "x", None, {"id": "a1"})]
    after = [Event(0, 0.9, "x", None, {"id": "a1"}), Event(1.1, 2, "x", None, {"id": "a9"})]
    assert [(g.kind, g.before, g.after) for g in diff(before, after)] == [("split", (0,), (0, 1))]


def test_an_annotation_dragged_away_in_elan_is_moved():
    predicted, data, name = exported("eaf")
    first = formats.parse(data, name, "eaf").events[3]
    assert first.onset == 9.0
    ticks = data.replace(b'TIME_VALUE="9000"', b'TIME_VALUE="16000"').replace(
        b'TIME_VALUE="9500"', b'TIME_VALUE="16500"'
    )
    found = correct(predicted, formats.parse(ticks, name, "eaf"), format="eaf", name=name, data=ticks)
    assert {kind: n for kind, n in found.counts.items() if n} == {"kept": 4, "moved": 1}


events = st.lists(
    st.builds(
        lambda onset, length, label: Event.from_us(onset * 100_000, (onset + length) * 100_000, label),
        st.integers(0, 40),
        st.integers(0, 9),
        st.sampled_from("ab"),
    ),
    max_size=9,
)


@settings(max_examples=200, deadline=None)
@given(events, events)
def test_every_event_has_exactly_one_verdict_and_swapping_mirrors(before, after):
    groups = diff(before, after, 1000)
    assert sorted(i for group in groups for i in group.before) == list(range(len(before)))
    assert sorted(j for group in groups for j in group.after) == list(range(len(after)))
    mirror = {"split": "merged", "merged": "split", "deleted": "added", "added": "deleted"}

    def kinds(groups):
        return sorted(group.kind for group in groups)

    assert kinds(diff(after, before, 1000)) == sorted(mirror.get(kind, kind) for kind in kinds(groups))
    assert {group.kind for group in diff(before, before)} <= {"kept"}


def test_only_the_examined_stretch_is_judged_and_stays_known():
    predicted = Annotation.of(PREDICTED, duration_us=LENGTH_US)
    found = correct(predicted, Annotation.of([]), examined=[Span(0, to_us(6))])
    assert found.counts["deleted"] == 3
    assert found.annotation.examined == (Span(0, to_us(6)),)
    assert found.annotation.events == ()


def test_renamed_and_further_tiers_are_handled_and_told():
    predicted = Annotation.of(PREDICTED, duration_us=LENGTH_US)
    words = Tier("words", (Event(0, 4, "well"), Event(4, 20, "yes")))
    renamed = Annotation((words, Tier("Lachen", tuple(PREDICTED[:4]))))
    found = correct(predicted, renamed, name="t.TextGrid")
    assert (found.counts["kept"], found.counts["deleted"]) == (4, 1)
    assert found.notes == (
        "t.TextGrid: tier 'Lachen' is taken for the prediction's (renamed)",
        "t.TextGrid: not compared, as not ours: words",
    )
    strange = Annotation((words, Tier("more", (Event(2, 3, "x"),))))
    with pytest.raises(VbannotateError, match=r"no tier holds the prediction \(its tiers: words, more\)"):
        correct(predicted, strange, name="t.TextGrid")


def test_a_reversed_event_of_a_person_is_left_out_and_told():
    found = correct(Annotation.of(PREDICTED), Annotation.of([*PREDICTED, Event(19, 18, "x")]))
    assert found.counts["kept"] == 5
    assert found.notes == ("tier 'bursts': 'x' left out: offset 18.0 s before onset 19.0 s",)


def test_a_constant_shift_and_video_frames_are_pointed_out():
    shifted = [e.with_(onset_us=e.onset_us + 60_000, offset_us=e.offset_us + 60_000) for e in PREDICTED]
    notes = correct(Annotation.of(PREDICTED), Annotation.of(shifted)).notes
    assert notes == ("5 events were moved by +0.060 s alike: another zero of time?",)
    snapped = [
        e.with_(onset_us=e.onset_us // 40_000 * 40_000, offset_us=-(-e.offset_us // 40_000) * 40_000 + 40_000)
        for e in PREDICTED
    ]
    notes = correct(Annotation.of(PREDICTED), Annotation.of(snapped)).notes
    assert notes == ("moved boundaries lie on video frames (25 a second): snapped by an editor?",)


# The command

app = Typer()
app.command()(command)


@app.callback()
def _group():
    """Keep the command's name."""


def run(*arguments):
    result = CliRunner().invoke(app, ["corrections", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def talk(tmp_path):
    predicted, data, name = exported("textgrid", name="talk.TextGrid")
    formats.write(predicted, tmp_path / "talk.vb.json")
    formats.write(by_hand("textgrid", data, edits), tmp_path / name)
    return tmp_path


def test_the_command_tells_counts_and_every_change(talk):
    text = run(talk / "talk.vb.json", talk / "talk.TextGrid")
    for line in (
        "kept 2, moved 1, relabelled 1, deleted 1, added 1",
        "5.000-5.300 laugh: relabelled now cough",
        "9.000-9.500 laugh: deleted",
        "12.000-13.000 sigh: moved offset +0.200",
        "15.000-15.500 cry: added",
        "confidence 0.0-0.5: 1 of 1 deleted",
    ):
        assert line in text.splitlines()
    found = json.loads(run(talk / "talk.vb.json", talk / "talk.TextGrid", "--json"))
    assert found["counts"] == {
        "kept": 2,
        "moved": 1,
        "relabelled": 1,
        "moved_relabelled": 0,
        "split": 0,
        "merged": 0,
        "deleted": 1,
        "added": 1,
    }
    assert found["prediction"]["tp"] == 3
    assert found["shift"]["offset"]["median"] == 0.2
    assert len(found["verdicts"]) == 6


def test_the_result_is_an_annotation_for_scoring(talk):
    from vbannotate.score import score

    run(talk / "talk.vb.json", talk / "talk.TextGrid", "--until", "10", "-o", talk / "done.vb.json")
    result = formats.read(talk / "done.vb.json")
    assert result.examined == (Span(0, to_us(10)),)
    assert all(event.confidence is None for event in result.events)
    assert result.extra["corrections"]["counts"]["deleted"] == 1
    micro = score(result, Annotation.of(PREDICTED)).micro
    assert (micro["tp"], micro["fp"], micro["fn"]) == (2, 2, 1)
    with pytest.raises(VbannotateError, match="exists"):
        run(talk / "talk.vb.json", talk / "talk.TextGrid", "-o", talk / "done.vb.json")
    with pytest.raises(UsageError, match="does not end in"):
        run(talk / "talk.vb.json", talk / "talk.TextGrid", "-o", talk / "done.txt")


def test_one_folder_may_hold_both_sides(talk):
    predicted, data, _ = exported("audacity", name="walk.txt")
    formats.write(predicted, talk / "walk.vb.json")
    (talk / "walk.txt").write_bytes(data)
    text = run(talk, talk, "-o", talk / "out")
    assert "kept 7, moved 1, relabelled 1, deleted 1, added 1" in text
    assert "note: walk.txt: nobody has changed this file since it was written" in text
    assert sorted(path.name for path in (talk / "out").iterdir()) == ["talk.vb.json", "walk.vb.json"]


def test_the_edited_one_of_several_exports_is_read(talk):
    predicted = formats.read(talk / "talk.vb.json")
    data = formats.render(predicted, "audacity")
    exports = dict(predicted.provenance["exports"])
    exports["talk.txt"] = {"format": "audacity", "sha256": hashlib.sha256(data).hexdigest()}
    formats.write(predicted.with_(provenance={"exports": exports}), talk / "talk.vb.json", overwrite=True)
    (talk / "talk.txt").write_bytes(data)
    assert "kept 2, moved 1" in run(talk, talk)
    (talk / "talk.txt").write_bytes(data + b"17.0\t18.0\tlaugh\n")
    with pytest.raises(VbannotateError, match="several corrected files of one recording"):
        run(talk, talk)


def test_a_renamed_file_in_another_encoding_comes_home(talk):
    text = (talk / "talk.TextGrid").read_text("utf-8")
    (talk / "back").mkdir()
    (talk / "back" / "talk_anna.TextGrid").write_bytes(text.encode("utf-16"))
    assert "kept 2, moved 1" in run(talk, talk / "back")


def test_files_that_do_not_belong_together_are_told(talk, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "radio.txt").write_text("1\t2\tx\n", "utf-8")
    with pytest.raises(VbannotateError, match="no file belongs to"):
        run(talk, other)
    with pytest.raises(UsageError, match="is a folder and"):
        run(talk, talk / "talk.TextGrid")


def test_golden_differences(shared):
    cases = json.loads((shared / "data" / "scoring" / "golden.json").read_text("utf-8"))["cases"]
    checked = 0
    for case in cases:
        if case["type"] != "diff":
            continue
        before, after = (
            sorted((Event.from_us(e["start"], e["end"], e["label"]) for e in case[side]), key=Event.key)
            for side in ("prediction", "corrected")
        )
        groups = {}
        for group in diff(before, after, case["tolerance_us"]):
            groups.setdefault(group.kind, []).append([list(group.before), list(group.after)])
        assert groups == case["expect"]["groups"], case["id"]
        checked += 1
    assert checked == 10
