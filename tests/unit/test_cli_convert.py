"""The commands convert and formats, from the command line to the files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vbannotate import formats
from vbannotate.cli.app import run
from vbannotate.events import Annotation, Event, Tier

TALK = Annotation(
    (
        Tier("A", (Event(1, 2.5, "laugh", 0.91), Event(4, 5, "cough", 0.5))),
        Tier("B", (Event(6, 7, "laugh", 0.7),)),
    ),
    media="talk.wav",
    duration_us=10_000_000,
)


@pytest.fixture
def talk(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    formats.write(TALK, "talk.vb.json")
    return Path("talk.vb.json")


def labels(path: str) -> list[str]:
    return [event.label for event in formats.read(path).events]


def test_every_format_that_can_be_written_is_reached(talk, capsys):
    for row in formats.describe():
        if row["write"] and row["name"] != "native":
            assert run(["convert", str(talk), "--to", row["name"], "--overwrite", "-q"]) == 0
            assert labels("talk" + formats.ending(row["name"])) == ["laugh", "cough", "laugh"], row["name"]
    assert capsys.readouterr() == ("", "")


def test_the_summary_and_what_was_lost(talk, capsys):
    assert run(["convert", str(talk), "talk.txt"]) == 0
    out, err = capsys.readouterr()
    assert out == "talk.vb.json -> talk.txt: 3 events\n"
    assert err.splitlines() == [
        "vbannotate: 2 tiers are one in Audacity label track",
        "vbannotate: Audacity label track holds no confidence",
    ]


def test_tiers_confidence_and_labels(talk):
    Path("MAP.toml").write_text('[labels]\nlaugh = "Lachen"\n[texts]\nLachen = "[ER LACHT]"\n', "utf-8")
    assert run(["convert", str(talk), "a.txt", "--tier", "A", "--confidence", "--labels", "MAP.toml"]) == 0
    assert (
        Path("a.txt").read_text("utf-8")
        == "1.000000\t2.500000\tLachen [0.91]\n4.000000\t5.000000\tcough [0.50]\n"
    )
    assert run(["convert", str(talk), "a.srt", "--labels", "MAP.toml", "--exact"]) == 0
    assert "[ER LACHT]" in Path("a.srt").read_text("utf-8")
    assert run(["convert", str(talk), "a.TextGrid", "--tiers", "per-label"]) == 0
    names = {tier.name for tier in formats.read("a.TextGrid").tiers}
    assert {"A-laugh", "A-cough", "B-laugh"} <= names


def test_into_a_file_and_in_place(talk, capsys):
    Path("talk.txt").write_text("0.500000\t0.750000\tmine\n", "utf-8")
    assert run(["convert", str(talk), "--into", "talk.txt"]) == 0
    assert labels("talk.txt") == ["mine"] and labels("talk.vb.txt") == ["mine", "laugh", "cough", "laugh"]
    assert run(["convert", str(talk), "--into", "talk.txt", "--in-place"]) == 0
    assert labels("talk.txt") == ["mine", "laugh", "cough", "laugh"] and labels(
        "talk.txt.bak",
    ) == ["mine"]
    assert "(before: talk.txt.bak)" in capsys.readouterr().out
    edited = Path("talk.txt").read_text("utf-8").replace("cough", "sneeze")
    Path("talk.txt").write_text(edited, "utf-8")
    assert run(["convert", str(talk), "--into", "talk.txt", "--in-place"]) == 1
    assert Path("talk.txt").read_text("utf-8") == edited
    assert run(["convert", str(talk), "--into", "talk.txt", "--in-place", "--replace-edited"]) == 0
    assert labels("talk.txt") == ["mine", "laugh", "cough", "sneeze", "laugh"]


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        ([], 2, "where should it go"),
        (["a.txt", "--into", "b.txt"], 2, "where should it go"),
        (["a.txt", "--in-place"], 2, "--in-place"),
        (["a.txt", "--tiers", "two"], 2, "--tiers two"),
        (["talk.vb.json"], 2, "replaced by its own conversion"),
        (["a.doc"], 1, "cannot tell the format"),
        (["a.txt", "--to", "doc"], 1, "unknown format 'doc'"),
        (["a.txt", "--tier", "C"], 1, "no tier 'C'; there are 'A', 'B'"),
        (["a.srt", "--cue-style", "tv"], 2, "unknown cue style"),
        (["--into", "none.eaf"], 1, "file not found"),
        (["a.txt", "--labels", "none.toml"], 1, "file not found"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(talk, capsys, arguments, code, what):
    assert run(["convert", str(talk), *arguments]) == code
    err = capsys.readouterr().err
    assert what in err and len(err.splitlines()) == 1
    assert [path.name for path in Path().iterdir()] == ["talk.vb.json"]


def test_a_file_is_never_replaced_unasked(talk, capsys):
    Path("a.txt").write_bytes(b"by hand")
    assert run(["convert", str(talk), "a.txt"]) == 1
    assert Path("a.txt").read_bytes() == b"by hand" and "--overwrite" in capsys.readouterr().err


def test_events_of_several_recordings_stay_in_tables(talk, capsys):
    Path("many.csv").write_text("onset,offset,file\n1,2,a.wav\n1,2,b.wav\n", "utf-8")
    for arguments in (["x.TextGrid"], ["--into", "talk.txt"]):
        assert run(["convert", "many.csv", *arguments]) == 1
        assert "events of 2 recordings; convert to csv" in capsys.readouterr().err
    assert run(["convert", "many.csv", "x.rttm"]) == 0


def test_warnings_of_the_reader_are_told(talk, capsys):
    Path("x.txt").write_bytes(b"1\t2\ta\nnot a label\n")
    assert run(["convert", "x.txt", "x.csv"]) == 0
    assert "x.txt, line 2: no label, skipped" in capsys.readouterr().err


def test_formats_as_table_and_json(capsys):
    assert run(["formats"]) == 0
    table = capsys.readouterr().out
    assert all(f"\n{name} " in table for name in formats.names())
    assert run(["formats", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == formats.describe()
