"""The path from sound to annotation, with a locator that hears loudness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from vbannotate import detection, scores
from vbannotate.detection import Detector, redecode
from vbannotate.errors import MediaError, UsageError
from vbannotate.events import Span
from vbannotate.settings import SettingsFile, resolve

RATE = 16_000
CARD = SimpleNamespace(
    granularity="event",
    name="loud",
    settings={"threshold": 0.5, "merge_gap": 0.1},
    presets={},
    identity=lambda: {"name": "loud"},
)


class Loud:
    """A frame is a burst where it is loud."""

    card, labels, kinds, frame_us = CARD, ("burst",), (), 20_000

    def scores(self, blocks: Iterable[np.ndarray], padded: bool = False) -> Iterator[np.ndarray]:
        rest = np.zeros(0, np.float32)
        for block in blocks:
            rest = np.concatenate([rest, block])
            whole = len(rest) // 320
            yield np.abs(rest[: whole * 320].reshape(whole, 320)).max(axis=1, initial=0)[:, None]
            rest = rest[whole * 320 :]
        if len(rest):
            yield np.array([[np.abs(rest).max()]], np.float32)


def detector(**options: float) -> Detector:
    return Detector(Loud(), resolve(CARD, None, None, options))


def bursts(seconds: float, *spans: tuple[float, float], rate: int = RATE) -> np.ndarray:
    audio = np.zeros(round(seconds * rate), np.float32)
    for onset, offset in spans:
        audio[round(onset * rate) : round(offset * rate)] = 0.9
    return audio


def spans(annotation, tier=0):
    return [(e.onset, e.offset) for e in annotation.tiers[tier].events]


def test_an_array_becomes_an_annotation():
    found = detector().run(bursts(3, (1, 1.5), (2, 2.2)), RATE).annotation
    assert spans(found) == [(1.0, 1.5), (2.0, 2.2)]
    assert (found.duration_us, found.examined, found.media) == (3_000_000, (Span(0, 3_000_000),), None)
    assert found.provenance["settings"]["merge_gap"] == 0.1


def test_an_array_needs_a_rate():
    with pytest.raises(UsageError, match="sample_rate="):
        detector().run(bursts(1))


def test_a_file_gives_the_same_events_and_its_hash(tmp_path: Path):
    path = tmp_path / "Ünï cödé 笑 (1).wav"
    soundfile.write(path, bursts(3, (1, 1.5)), RATE, subtype="FLOAT")
    found = detector().run(path).annotation
    assert spans(found) == [(1.0, 1.5)]
    assert found.media == str(path)
    made = found.provenance["media"]
    assert (made["name"], made["bytes"], len(made["sha256"])) == (path.name, path.stat().st_size, 64)


def test_each_channel_has_its_tier(tmp_path: Path):
    path = tmp_path / "two.wav"
    two = np.stack([bursts(2, (0.5, 1)), bursts(2, (1.2, 1.8))], axis=1)
    soundfile.write(path, two, RATE, subtype="FLOAT")
    found = detector().run(path, channel="each").annotation
    assert [tier.name for tier in found.tiers] == ["bursts-1", "bursts-2"]
    assert spans(found, 0) == [(0.5, 1.0)]
    assert spans(found, 1) == [(1.2, 1.8)]
    assert spans(detector().run(path, channel=2).annotation) == [(1.2, 1.8)]
    with pytest.raises((MediaError, UsageError), match="channel"):
        detector().run(path, channel=3)


def test_kept_scores_decode_anew_to_the_same_events(tmp_path: Path):
    audio = bursts(3, (1, 1.5), (1.58, 1.7), (2.5, 2.52))
    result = detector(min_dur=0.1).run(audio, RATE, keep_scores=True)
    path = tmp_path / "rec.scores.npz"
    scores.save(result.scores[0], path)
    kept = scores.load(path)
    assert (kept.labels, kept.model, kept.frame_us, kept.duration_us) == (
        ("burst",),
        "loud",
        20_000,
        3_000_000,
    )
    again = redecode(kept, resolve(CARD, None, None, {"min_dur": 0.1})).annotation
    assert again.tiers == result.annotation.tiers
    looser = redecode(kept, resolve(CARD, None, None, {"min_dur": 0.0, "merge_gap": 0.0})).annotation
    assert len(looser.events) == 3


def test_a_file_that_holds_no_scores_is_refused(tmp_path: Path):
    path = tmp_path / "rec.scores.npz"
    path.write_bytes(b"not a zip")
    with pytest.raises(Exception, match=r"rec.scores.npz: not a file of kept scores .*; make one with"):
        scores.load(path)


def test_calibrated_confidences_keep_the_models_own():
    table = {"confidence": [0.0, 1.0], "share": [0.2, 0.6], "events": 80}
    resolved = resolve(CARD, None, SettingsFile(calibration=table))
    (event,) = Detector(Loud(), resolved).run(bursts(2, (0.5, 1)), RATE).annotation.events
    assert event.confidence == pytest.approx(0.56)
    assert event.extra["raw_confidence"] == pytest.approx(0.9)


def test_explain_reports_the_losses():
    lost = detector(min_dur=0.3).run(bursts(2, (0.5, 0.6)), RATE, explain=True)
    assert [d.step for d in lost.dropped] == ["min_dur"]
    assert lost.annotation.events == ()


def test_progress_reaches_the_end(tmp_path: Path):
    seen: list[tuple[float, float | None]] = []
    path = tmp_path / "a.wav"
    soundfile.write(path, bursts(70), RATE)
    detector().run(path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (70.0, 70.0)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_empty_array_is_refused():
    with pytest.raises(MediaError, match="holds no audio"):
        detector().run(np.zeros(0, np.float32), RATE)


def test_detect_passes_settings_on(monkeypatch: pytest.MonkeyPatch):
    seen = {}

    def load(model, preset, file, options, compat, device, backend, granularity):
        seen.update(options, preset=preset)
        return detector(**{k: v for k, v in options.items() if v is not None})

    monkeypatch.setattr(detection.Detector, "load", load)
    found = detection.detect(bursts(2, (0.5, 0.6)), sample_rate=RATE, preset="short", min_dur=0.05, peak=0.5)
    assert spans(found) == [(0.5, 0.6)]
    assert (seen["preset"], seen["min_dur"], seen["peak"]) == ("short", 0.05, 0.5)
