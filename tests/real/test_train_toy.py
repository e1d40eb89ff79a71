"""A toy trained on real clips within a minute of one core: it learns, and it is a model like any other."""

# ruff: noqa: E402 - the skips come first
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy", reason="the train extra is not installed")
pytest.importorskip("accelerate", reason="the train extra is not installed")

from vbannotate import models
from vbannotate.cli.app import run
from vbannotate.decode import Settings
from vbannotate.sources import clips
from vbannotate.synth import dataset, scenes
from vbannotate.train.locator import data, encoder, network, output, scoring
from vbannotate.train.locator.training import Outcome

SECONDS = 5.0
DECODING = {"threshold": 0.5, "merge_gap": 0.5, "min_dur": 0.1}
# Half of the soundscapes hold one or two bursts of people over read speech, effects or near silence.
RECIPE = replace(
    scenes.PUBLISHED,
    seconds=SECONDS,
    bursts=(1, 2),
    backgrounds={"speech": 1.0, "env": 1.0, "silence": 1.0},
    longest=3.0,
    alone=True,
)


@pytest.fixture(scope="module")
def soundscapes(shared, tmp_path_factory):
    """A few dozen short soundscapes of train rows, and others of val rows that choose and judge."""
    folder = tmp_path_factory.mktemp("toy")
    found = list(clips.manifest(shared / "data"))
    for name, split, count, seed in (
        ("train", "train", 110, 1),
        ("val", "val", 16, 2),
        ("judge", "val", 40, 3),
    ):
        order = dataset.Order(RECIPE, seed, "flac", split=split)
        dataset.generate(dataset.chosen(found, split), order, folder / name, count, jobs=1)
    return folder


def figures(model, folder):
    judges = data.read(folder / "judge", 0, need_train=False).val
    locator = models.load(model, device="cpu", threads=1)
    scorer = scoring.Scorer(judges, locator.card.layout, ("burst",), Settings().updated(DECODING))
    return scorer.of_curves([np.concatenate([*locator.scores([data.sound(c.path)])]) for c in judges])


def test_a_frozen_tiny_whisper_learns_bursts(shared, soundscapes, tmp_path, capfd):
    path = shared / "models" / "whisper-tiny-encoder.safetensors"
    torch.set_num_threads(1)
    command = [
        "train", "detector", "--data", str(soundscapes), "-o", str(tmp_path / "toy"), "--encoder", str(path),
        "--mode", "frozen", "--window", str(SECONDS), "--epochs", "8", "--lr", "2e-3", "--pos-weight", "2",
        "--threshold", "0.5", "--merge-gap", "0.5", "--min-dur", "0.1", "--max-batch", "8", "--device", "cpu",
        "--cache", str(tmp_path / "cache"),
    ]  # fmt: skip
    assert run(command) == 0
    assert "epoch 8 of 8: loss" in capfd.readouterr().err
    trained = figures(tmp_path / "toy", soundscapes)
    source = encoder.find(str(path))
    torch.manual_seed(0)
    random = network.build(source, "frozen", 1)
    record = {
        "mode": "frozen", "encoder": {"name": "tiny", "bands": 80}, "labels": ["burst"], "window_s": SECONDS,
        "settings": {},
    }  # fmt: skip
    (tmp_path / "untrained").mkdir()
    output.write_model(Outcome(random, source, record, [], {}, 0), tmp_path / "untrained")
    untrained = figures(tmp_path / "untrained", soundscapes)
    print(trained, untrained)
    assert trained["event_f1"] > 0.45 and untrained["event_f1"] < 0.2
    assert trained["detection_accuracy"] > 0.7
