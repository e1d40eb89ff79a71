"""The bundled detectors: their folders, and that they find real bursts and leave the rest alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from vbannotate import models
from vbannotate.decode import Settings, decode
from vbannotate.events import Event
from vbannotate.models import registry

FOLDER = Path(models.__file__).parent / "bundled" / "base"
RATE = 16_000
LOWEST_F1 = {"base": 0.75, "tiny": 0.65}  # on twelve soundscapes


@pytest.fixture(scope="module", params=LOWEST_F1)
def locator(request):
    return models.load(request.param, device="cpu")


def events(locator, audio, preset=None):
    card = locator.card
    settings = Settings().updated(card.presets[preset] if preset else card.settings)
    return decode(np.concatenate([*locator.scores([audio.astype(np.float32)])])[:, 0], settings)


def test_the_folder_is_small_and_says_whose_it_is():
    config = json.loads((FOLDER / "config.json").read_text("utf-8"))
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 45_000_000
    assert config["labels"] == ["burst"] and config["window_s"] == 10
    licence = (FOLDER / "LICENSE-whisper.txt").read_text("utf-8")
    assert "Copyright (c) 2022 OpenAI" in licence and "MIT" in licence
    card = (FOLDER / "README.md").read_text("utf-8")
    for owed in (
        "EmoGator",
        "Apache-2.0",
        "ODbL",
        "CC-BY-SA",
        "GPL",
        "donateacry",
        "ESC-10",
        "AMI",
        "Limits",
    ):
        assert owed in card


def test_presets_keep_the_promises_of_their_names(locator):
    presets = locator.card.presets
    assert set(presets) == {"balanced", "precision", "recall", "noisy", "short", "long"}
    assert dict(locator.card.settings) == dict(presets["balanced"])
    assert locator.card.settings["min_dur"] <= 0.1 and presets["short"]["min_dur"] <= 0.08
    assert presets["long"]["min_dur"] >= 0.7

    def strictness(name):
        return presets[name]["threshold"] + (presets[name]["peak"] or 0)

    assert strictness("recall") < strictness("precision")


def test_pulses_part_what_an_event_joins(locator, library):
    """A series of coughs is few events and more pulses, and the pulses lie where the events are."""
    from vbannotate.synth.audio import Reader

    clips = library.clips("continuous")
    series = [c for c in clips if c.label == "cough" and len(c.pulses) >= 4]
    pulses = models.load(locator.card.name, device="cpu", granularity="pulse")
    counts = {"event": 0, "pulse": 0}
    for clip in series:
        audio = Reader().whole(clip)
        for name, model in (("event", locator), ("pulse", pulses)):
            counts[name] += len(events(model, audio))
    assert len(series) >= 3 and 0 < counts["event"] < counts["pulse"]


@pytest.mark.parametrize("level", [0.0, 0.003, 0.1])
def test_silence_and_noise_hold_nothing(locator, level):
    noise = level * np.random.default_rng(0).standard_normal(25 * RATE)
    assert events(locator, noise) == []


@pytest.fixture(scope="module")
def library(shared):
    pytest.importorskip("scipy", reason="the train extra is not installed")
    from vbannotate.sources.clips import manifest
    from vbannotate.synth import scenes

    return scenes.Library(c for c in manifest(shared / "data") if c.split == "test")


def test_real_bursts_are_found_in_soundscapes_of_test_clips(locator, library):
    from vbannotate.synth import scenes
    from vbannotate.synth.audio import Reader
    from vbannotate.train import judge

    total, reader = judge.Counts(), Reader()
    for k in range(12):
        scene = scenes.make(library, scenes.PUBLISHED, (77, k), reader)
        found = events(locator, scene.audio)
        reference = [Event(burst.onset, burst.offset) for burst in scene.bursts]
        total += judge.count(reference, found, 30.0)
    assert total.hits + total.misses >= 12
    assert total.f1 >= LOWEST_F1[locator.card.name], total


def test_read_speech_gives_few_events(locator, shared):
    import soundfile

    files = sorted((shared / "data" / "audio" / "speech" / "speechocean762").glob("*.opus"))[:4]
    found = 0
    for path in files:
        audio, rate = soundfile.read(path, dtype="float32")
        assert rate == RATE
        found += len(events(locator, audio[: 40 * RATE]))
    assert found <= (2 if locator.card.name == registry.DEFAULT else 6)


def test_an_event_stays_nearly_where_it_is_when_silence_is_put_before(locator, shared):
    """Whisper's encoder knows its place in the window, so this holds approximately only."""
    pytest.importorskip("scipy", reason="the train extra is not installed")
    from vbannotate.sources.clips import manifest
    from vbannotate.synth.audio import Reader

    clips = manifest(shared / "data")
    clip = next(c for c in clips if c.stratum == "EmoGator/laugh" and c.split == "test" and c.seconds > 1)
    sound = Reader().whole(clip)
    quiet = 1e-4 * np.random.default_rng(1).standard_normal(20 * RATE)
    onsets = []
    for start in (2.0, 9.0):
        audio = quiet.copy()
        audio[round(start * RATE) :][: len(sound)] += sound
        (event,) = events(locator, audio)
        onsets.append(event.onset - start)
    assert onsets[0] == pytest.approx(onsets[1], abs=0.06)
