"""The bundled detector adapted to real recordings: it learns what somebody marks, and refuses nonsense.

Barks are no bursts, and the detector was taught to pass over them; a user who marks them wants another thing.
So the case is real sound, its truth is plain, and no recording that judges a model is touched.
"""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

for _needed in ("onnx", "torch", "scipy"):
    pytest.importorskip(_needed, reason="the train extra is not installed")

from vbannotate import Annotation, Event, formats  # noqa: E402
from vbannotate.audio import open_stream  # noqa: E402
from vbannotate.synth import activity  # noqa: E402
from vbannotate.train.adapt import Options, adapt  # noqa: E402
from vbannotate.train.judge import Counts  # noqa: E402

BARKS, OTHERS = 8, ("rooster", "rain", "clock_tick")
CHANGES = {"least": 36, "rate": 2e-3, "pull": 1e-3, "batch": 4}


@pytest.fixture(scope="module")
def clips(shared):
    """Recordings of ESC-10 by class, training rows only."""
    found = {}
    with (shared / "data" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["source"] == "ESC-10" and row["split"] == "train":
                found.setdefault(row["class"], []).append(shared / "data" / row["path"])
    return found


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("states")


def corrected(folder, barks, others, bouts):
    """Links to recordings with label files: `bouts` of each bark, nothing in the others."""
    folder.mkdir()
    for path, spans in [*zip(barks, bouts, strict=True), *((path, []) for path in others)]:
        (folder / path.name).symlink_to(path.resolve())
        formats.write(Annotation.of([Event(*span) for span in spans]), folder / f"{path.stem}.txt")
    return folder


@pytest.fixture(scope="module")
def barks(clips):
    """Barks with the stretches in which they are heard."""
    chosen = clips["dog_bark"][:BARKS]
    return chosen, [activity.join(activity.pulses(sound(path), 16_000), activity.BOUT_GAP) for path in chosen]


def sound(path):
    with open_stream(path) as stream:
        return np.concatenate([block[:, 0] for block in stream.blocks()])


def test_the_head_learns_what_a_user_marks(barks, clips, cache, tmp_path):
    others = [path for name in OTHERS for path in clips[name][:1]]
    folder = corrected(tmp_path / "mine", barks[0], others, barks[1])
    asked = Options(cache=cache, changes=CHANGES)
    outcome = adapt(folder, tmp_path / "barks", asked, lambda line: None)
    assert outcome.better, outcome.answer()
    assert sum(outcome.before, Counts()).f1 < 0.3 and sum(outcome.after, Counts()).f1 > 0.4
    told = json.loads((tmp_path / "barks" / "config.json").read_text())["adapted"]
    assert told["after"]["f1"] == sum(outcome.after, Counts()).table()["f1"]
    new = clips["dog_bark"][BARKS]
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from vbannotate import detect\n"
        f"print(len(detect({str(new)!r}, model={str(tmp_path / 'barks')!r}).events))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0


def test_labels_that_mean_nothing_give_no_model(barks, cache, tmp_path):
    elsewhere = [[((a + 2.3) % 4.2, (a + 2.3) % 4.2 + 0.5) for a, _ in spans[:1]] for spans in barks[1]]
    folder = corrected(tmp_path / "mine", barks[0], [], elsewhere)
    outcome = adapt(folder, tmp_path / "out", Options(cache=cache, changes=CHANGES), lambda line: None)
    assert not outcome.better and not (tmp_path / "out").exists()
