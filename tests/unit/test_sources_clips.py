"""Sources: splits without leakage, licences, errors that mend; sets on disk."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy", reason="the train extra is not installed")

from vbannotate.errors import UsageError
from vbannotate.sources import clips
from vbannotate.synth import scenes
from vbannotate.train import __main__ as commands
from vbannotate.train import sets

FIELDS = (
    "path", "kind", "source", "origin", "licence", "nc", "split", "group", "class", "label_quality",
    "start", "end", "pulses", "duration", "notes",
)  # fmt: skip
POOL = ("package", "path", "kind", "class", "group", "split", "lang", "label_quality", "file", "duration")


def tone(path, seconds=2.0, rate=16_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    n = np.arange(round(seconds * rate))
    soundfile.write(path, (0.2 * np.sin(0.2 * n) * (n % 8000 < 5000)).astype(np.float32), rate)


def table(path, names, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


def burst(split, group, nc=0, source="EmoGator"):
    return {
        "path": f"{group}.wav", "kind": "burst", "source": source, "nc": nc, "split": split, "group": group,
        "class": "laugh", "label_quality": "human", "pulses": "0.10-0.50;0.90-1.40", "duration": 2.0,
    }  # fmt: skip


@pytest.fixture
def sources(tmp_path):
    rows = [burst("train", "emogator-001"), burst("val", "emogator-002"), burst("test", "emogator-003")]
    rows.append(burst("test-nc", "deeply-1", nc=1, source="Deeply"))
    table(tmp_path / "data" / "manifest.csv", FIELDS, rows)
    pool = [
        {"package": "p", "path": f"{s}-{k}", "kind": k, "class": "x", "group": f"{s}-{k}", "split": s,
         "label_quality": "weak", "file": f"{s}-{k}.flac", "duration": 12.0}
        for s in ("train", "val", "test") for k in ("speech", "music", "env")
    ]  # fmt: skip
    table(tmp_path / "pools" / "index.csv", POOL, pool)
    for row in rows:
        tone(tmp_path / "data" / row["path"])
    for row in pool:
        tone(tmp_path / "pools" / row["file"], 12.0)
    for name in ("000001-02-1", "000002-02-1", "000003-02-1", "000007-15-2", "000008-15-2"):
        tone(tmp_path / "emogator" / "data" / "mp3" / f"{name}.mp3")
    return clips.Sources(tmp_path / "data", tmp_path / "pools", tmp_path / "emogator")


def test_whole_emogator_follows_the_split_of_the_manifest(sources):
    found = clips.load(sources)
    own = {(c.group, c.split) for c in found if c.source == "EmoGator"}
    assert own == {
        ("emogator-001", "train"), ("emogator-002", "val"), ("emogator-003", "test"),
        ("emogator-007", "train"), ("emogator-008", "val"),
    }  # fmt: skip
    assert [c.path.suffix for c in found if c.group == "emogator-001"] == [".mp3"]
    assert {c.label for c in found if c.group in ("emogator-007", "emogator-008")} == {"scream"}


def test_no_group_lies_on_two_sides(sources):
    sides = {}
    for clip in clips.load(sources):
        sides.setdefault(clip.group, set()).add(clip.split)
    assert all(len(split) == 1 for split in sides.values())


def test_non_commercial_rows_are_refused_for_training(sources):
    table(sources.data / "manifest.csv", FIELDS, [burst("train", "deeply-1", nc=1)])
    with pytest.raises(UsageError, match="non-commercial"):
        clips.load(sources)


def test_missing_pools_say_how_to_build_them(sources, tmp_path):
    with pytest.raises(UsageError, match="build the pools first"):
        clips.load(clips.Sources(sources.data, tmp_path / "nowhere"))


def test_sets_draw_from_their_own_side_and_come_back(sources, tmp_path, monkeypatch):
    small = {"scenes": (scenes.Recipe(seconds=10.0, empty=0.0), 4, "test")}
    monkeypatch.setitem(sets.HALVES, "test", small)
    sets.write_half(clips.load(sources), "test", tmp_path / "out", lambda line: None)
    items = sets.read(tmp_path / "out" / "test" / "scenes")
    assert len(items) == 4 and all(i.seconds == 10 for i in items)
    assert any(i.events for i in items)
    assert {d["class"] for i in items for d in i.details} == {"laugh"}
    assert {round(e.duration, 2) for i in items for e in i.events} == {1.3}, "0.4 s pause: one bout of 1.3 s"


def test_evened_backgrounds_are_drawn_alike(sources):
    """However long they are, and however few others are of their stratum."""
    (music,) = [c for c in clips.load(sources) if c.kind == "music" and c.split == "test"][:1]
    alone = replace(music, stratum="whale", seconds=900.0, path=Path("whale"))
    others = [replace(music, stratum="rain", seconds=5.0, path=Path(f"rain-{k}")) for k in range(9)]
    chances = []
    for weights in (None, sets._evened([alone, *others])):
        library, rng = scenes.Library([alone, *others], weights), np.random.default_rng(1)
        drawn = Counter(library.draw("music", rng).path.name for _ in range(2000))
        chances.append(drawn["whale"] / 2000)
        least = min(drawn.values()) / 2000
    assert chances[0] > 0.7 and 0.07 < chances[1] < 0.13 and least > 0.07


def test_bursts_that_nothing_trains_on_come_from_the_further_pools(sources, tmp_path, monkeypatch):
    small = {"unseen-bursts": (scenes.Recipe(seconds=10.0, empty=0.0), 3, "val")}
    monkeypatch.setitem(sets.HALVES, "val", small)
    own = clips.load(sources)
    sets.write_half(own, "val", tmp_path / "without", lambda line: None)
    assert not (tmp_path / "without").exists()
    music = [c for c in own if c.kind != "burst"]
    sets.write_half(own, "val", tmp_path / "without", lambda line: None, music)
    assert not (tmp_path / "without").exists(), "a part of the further pools need not hold any burst"
    (heard,) = [c for c in own if c.kind == "burst" and c.split == "val" and c.group == "emogator-002"]
    unheard = replace(heard, source="elsewhere", stratum="elsewhere/groan", label="groan", group="elsewhere")
    sets.write_half(own, "val", tmp_path / "with", lambda line: None, [unheard])
    items = sets.read(tmp_path / "with" / "val" / "unseen-bursts")
    assert len(items) == 3 and {d["source"] for i in items for d in i.details} == {"elsewhere"}


def test_commands_have_help_and_mistakes_are_one_line(capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        commands.main(["detector", "--help"])
    assert stop.value.code == 0 and "--emogator" in capsys.readouterr().out
    code = commands.main(["sets", "--data", str(tmp_path), "--pools", str(tmp_path), "-o", str(tmp_path)])
    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1
