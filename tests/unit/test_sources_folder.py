"""A folder of one's own: what names say, whose sounds they are, annotations beside them, and its table."""

import numpy as np
import pytest
import soundfile

from vbannotate import Annotation, Event, formats
from vbannotate.errors import FormatError, UsageError
from vbannotate.sources import clips, index, tables
from vbannotate.sources.folder import Wanted, may_train, scan
from vbannotate.sources.words import meaning


def sound(path, seconds=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    n = np.arange(round(seconds * 8000))
    soundfile.write(path, (0.2 * np.sin(0.4 * n)).astype(np.float32), 8000)


@pytest.mark.parametrize(
    ("name", "kind", "label", "hard"),
    [
        ("Cough-female", "burst", "cough", False),
        ("BabyCry2", "burst", "baby_cry", False),
        ("004 - Baby cry", "burst", "baby_cry", False),
        ("Breathy Giggles", "burst", "laugh", False),
        ("throat-clearing", "burst", "throat_clear", False),
        ("Clears Throat", "burst", "throat_clear", False),
        ("sobbing", "burst", "cry", False),
        ("sneezing", "burst", "sneeze", False),
        ("Person sneeze", "burst", "sneeze", False),
        ("Humming", "burst", "hum", False),
        ("bursts", "burst", "", False),
        ("Speech", "speech", "", False),
        ("game_music", "music", "", False),
        ("singing", "music", "singing", True),
        ("applause", "env", "applause", True),
        ("dogs barking", "env", "dog", True),
        ("doors", "env", "door", True),
        ("PartyNoise", "env", "", False),
        ("Rain", "env", "rain", False),
    ],
)
def test_names_say_kind_and_class(name, kind, label, hard):
    found = meaning(name)
    assert (found.kind, found.label, found.hard) == (kind, label, hard)


@pytest.mark.parametrize("name", ["speaker01", "wavs", "", "2024-05-01", "anna"])
def test_other_names_say_nothing(name):
    assert meaning(name) is None


def test_every_class_of_the_taxonomy_is_understood(shared):
    tomllib = pytest.importorskip("tomllib")
    families = tomllib.loads((shared / "data" / "taxonomy.toml").read_text())["family"]
    names = [c["name"] for f in families if f["coarse"] != "non-vocal" for c in f["classes"]]
    assert len(names) == 78
    unknown = [name for name in names if (found := meaning(name)) is None or found.kind != "burst"]
    assert unknown == []


def test_folders_give_kind_class_and_speaker(tmp_path):
    for name in ("bursts/cough/anna/1.wav", "bursts/cough/ben/2.flac", "bursts/laugh/anna/3.wav",
                 "speech/ben/x.wav", "animals/dog.wav", ".trash/4.wav", "notes.txt"):  # fmt: skip
        if name.endswith("txt"):
            (tmp_path / name).write_text("no sound")
        else:
            sound(tmp_path / name)
    found = scan(tmp_path, Wanted("mine", licence="CC0-1.0")).clips
    told = {c.path.relative_to(tmp_path).as_posix(): (c.kind, c.label, c.group, c.hard) for c in found}
    assert told == {
        "bursts/cough/anna/1.wav": ("burst", "cough", "anna", False),
        "bursts/cough/ben/2.flac": ("burst", "cough", "ben", False),
        "bursts/laugh/anna/3.wav": ("burst", "laugh", "anna", False),
        "speech/ben/x.wav": ("speech", "speech", "ben", False),
        "animals/dog.wav": ("env", "animal", "dog", True),
    }
    assert {c.split for c in found if c.group == "anna"} == {index.side("anna")}
    assert all(c.licence == "CC0-1.0" and c.seconds == pytest.approx(1) for c in found)


def test_options_beat_names_and_a_pattern_finds_the_speaker(tmp_path):
    for name in ("a/spk1_cough.wav", "a/spk2_x.wav", "b/spk1_y.wav"):
        sound(tmp_path / name)
    wanted = Wanted("mine", kind="burst", label="sneeze", group=r"(spk\d)_")
    found = scan(tmp_path, wanted).clips
    assert [(c.group, c.kind, c.label) for c in found] == [
        ("spk1", "burst", "sneeze"), ("spk2", "burst", "sneeze"), ("spk1", "burst", "sneeze"),
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"spk2_x.wav: --group '\(spk1\)' is not in it"):
        scan(tmp_path, Wanted("mine", kind="burst", group="(spk1)"))


def test_one_folder_for_everything_tells_no_speakers_apart(tmp_path):
    for k in range(3):
        sound(tmp_path / "clips" / f"laugh{k}.wav")
    found = scan(tmp_path, Wanted("mine"))
    assert {c.group for c in found.clips} == {"laugh0", "laugh1", "laugh2"}
    assert found.alone == 3 and "each: 3; --group REGEX" in found.whose[0]


def test_an_unknown_kind_asks_for_it(tmp_path):
    sound(tmp_path / "x.wav")
    with pytest.raises(UsageError, match="the kind of this sound is not known; give --kind burst"):
        scan(tmp_path, Wanted("mine"))
    assert scan(tmp_path, Wanted("mine", other="env")).clips[0].kind == "env"


@pytest.mark.parametrize(("ending", "label"), [("txt", "cough"), ("TextGrid", "cough"), ("srt", "cough")])
def test_annotations_beside_give_pulses(tmp_path, ending, label):
    sound(tmp_path / "talk.wav", 3.0)
    marked = Annotation.of(
        [Event(0.5, 0.9, "cough"), Event(1.2, 1.5, "cough"), Event(2.0, 2.6, "laugh")], duration_us=3_000_000
    )
    formats.write(marked, tmp_path / f"talk.{ending}", "audacity" if ending == "txt" else None,
                  options=formats.WriteOptions(exact=True, media_path="talk.wav"))  # fmt: skip
    found = {c.label: c.pulses for c in scan(tmp_path, Wanted("mine", kind="burst")).clips}
    if ending == "srt":  # cues hold their text
        found = {label.strip("[]"): pulses for label, pulses in found.items()}
    assert found == {"cough": ((0.5, 0.9), (1.2, 1.5)), "laugh": ((2.0, 2.6),)}
    (whole,) = scan(tmp_path, Wanted("mine", kind="continuous")).clips
    assert whole.pulses == ((0.5, 0.9), (1.2, 1.5), (2.0, 2.6))


def test_text_that_is_no_annotation_is_passed_over(tmp_path):
    sound(tmp_path / "cough.wav")
    (tmp_path / "cough.txt").write_text("she coughs once\n")
    found = scan(tmp_path, Wanted("mine"))
    assert found.clips[0].pulses is None
    assert any("no annotations: 1, such as" in note for note in found.notes)


def test_files_that_cannot_be_read_are_named_and_left_out(tmp_path):
    sound(tmp_path / "cough.wav")
    (tmp_path / "laugh.wav").write_bytes(b"RIFF not really")
    found = scan(tmp_path, Wanted("mine"))
    assert [c.label for c in found.clips] == ["cough"]
    assert any("left out: 1 of 2, such as" in note for note in found.notes)
    (tmp_path / "cough.wav").unlink()
    with pytest.raises(UsageError, match=r"nothing in .* can be used"):
        scan(tmp_path, Wanted("mine"))
    with pytest.raises(UsageError, match="is no folder"):
        scan(tmp_path / "nowhere", Wanted("mine"))


@pytest.mark.parametrize(
    ("licence", "trains"),
    [
        ("CC-BY-NC-ND-4.0", False),
        ("non-commercial use", False),
        ("CC-BY-4.0", True),
        ("", True),
        ("GPL-2", True),
    ],
)
def test_non_commercial_sounds_only_judge(tmp_path, licence, trains):
    assert may_train(licence) == trains
    sound(tmp_path / "cough.wav")
    (clip,) = scan(tmp_path, Wanted("mine", licence=licence)).clips
    assert (clip.split == "test-nc") == (not trains)


def test_a_table_comes_back_as_it_was(tmp_path):
    sound(tmp_path / "in" / "speech" / "anna" / "1.wav")
    sound(tmp_path / "in" / "doors" / "2.wav")
    found = scan(tmp_path / "in", Wanted("mine", licence="CC0-1.0", lang="de")).clips
    marked = [clips.Clip(**{**as_dict(c), "pulses": ((0.1, 0.25), (0.5, 0.75))}) for c in found]
    for table in (tmp_path / "in" / "index.csv", tmp_path / "elsewhere" / "table.csv"):
        index.write(table, marked)
        assert [(c.path.resolve(), as_dict(c) | {"path": 0}) for c in index.read(table)] == [
            (c.path.resolve(), as_dict(c) | {"path": 0}) for c in marked
        ]
    assert "in/" not in (tmp_path / "in" / "index.csv").read_text(), "paths below the table are relative"


def as_dict(clip):
    return {name: getattr(clip, name) for name in clip.__slots__}


def test_a_broken_table_names_the_line(tmp_path):
    table = tmp_path / "index.csv"
    table.write_text("path,kind,class,group,seconds\nx.wav,burst,cough,anna,1.0\ny.wav,bang,cough,ben,1.0\n")
    with pytest.raises(FormatError, match=r"index.csv, line 3: unknown kind 'bang'"):
        index.read(table)
    table.write_text("path,kind\nx.wav,burst\n")
    with pytest.raises(FormatError, match="no column 'class'"):
        index.read(table)
    table.write_text("path,kind,class,group,seconds\nx.wav,burst,cough,anna,1.0\n")
    (clip,) = index.read(table)
    assert clip.path == tmp_path / "x.wav" and clip.split == index.side("anna") and clip.pulses is None


def test_folders_tables_and_names_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("VBANNOTATE_DATA", str(tmp_path / "data"))
    sound(tmp_path / "mine" / "cough.wav")
    sound(tmp_path / "mine" / "rain.wav")
    looked = tables.resolve(str(tmp_path / "mine"), ("burst",), "burst")
    by_folder = looked.clips
    assert any(
        "not burst by their names and are left out: 1 of 2, such as rain.wav" in note for note in looked.notes
    )
    assert [c.label for c in by_folder] == ["cough"]
    index.write(index.home() / "mine" / "index.csv", by_folder)
    assert [c.path for c in tables.resolve("mine", ("burst",), None).clips] == [by_folder[0].path]
    with pytest.raises(UsageError, match="no folder, table or source 'yours'; here are mine"):
        tables.resolve("yours", ("burst",), None)
    with pytest.raises(UsageError, match="holds nothing of kind music"):
        tables.resolve(str(tmp_path / "mine"), ("music",), "env")
