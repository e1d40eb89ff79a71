"""Sets of real and emotional talk: from copies of the corpora to recordings with labels to judge by."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vbannotate.errors import UsageError
from vbannotate.train import talk
from vbannotate.train.references import read_sets


def clip(path: Path, seconds: float, rate: int = 16_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.1 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, wave, rate)


@pytest.fixture
def copies(tmp_path) -> Path:
    """Folders laid out as the corpora are."""
    folder = tmp_path / "talk"
    show = folder / "URDU-Dataset"
    clip(show / "Happy/SM5_F1_H055.wav", 2.0, 44_100)
    clip(show / "Happy/SM5_F7_H061.wav", 2.0, 44_100)  # a laugh
    clip(show / "Happy/SM7_F2_H074.wav", 3.0, 44_100)  # a second voice
    sample = folder / "jmoshi-ft/data/spokenwoz_sample"
    clip(sample / "audio/SNG0072.wav", 5.0, 8_000)
    clip(sample / "audio/MUL0947.wav", 5.0, 8_000)  # one that was not judged on
    (sample / "text").mkdir()
    words = [("hello", 0.2, 0.6), ("Um,", 1.0, 1.4), ("taxi", 1.5, 1.9)]
    text = [{"speaker": "A", "word": w, "start": a, "end": b} for w, a, b in words]
    (sample / "text/SNG0072.json").write_text(json.dumps(text))
    clip(folder / "nEMO/samples/EB0_fear_1.wav", 2.0, 24_000)
    clip(folder / "EmoTale/wav/DK_001_A_1.wav", 2.0, 48_000)
    words = folder / "emospeech-dataset-v1"
    for name in (
        "House/help-safe-Fearful-2019-x",
        "House/no-safe-fearful-2019-x",
        "House/unknown-safe-calm-2019-x",  # any word
        "House/no-scream-angry-2019-x",  # a scream is to be heard as well
        "webservice/no-safe-angry-2019-x",
    ):
        clip(words / f"{name}.wav", 1.5)
    for name in ("Cough/a", "Cough/b", "Keys/a", "Breathing/a"):
        clip(folder / f"noise-of-life/{name}.wav", 0.5)
    return folder


@pytest.fixture
def sets(copies, tmp_path):
    talk.write(copies, tmp_path, lambda line: None)
    return read_sets(tmp_path / "talk")[0]


def test_a_burst_and_what_is_none_lie_where_their_clips_do(sets):
    first, second = sets["talk-show"]
    assert [(e.onset, e.offset) for e in first.events] == [(3.37, 4.47)]
    assert first.details[0]["class"] == "laugh" and not first.negatives
    assert not second.events
    assert [(e.onset, e.offset, e.label) for e in second.negatives] == [(1.03, 1.45, "second voice")]
    audio, rate = soundfile.read(first.path)
    assert rate == 16_000 and first.seconds == pytest.approx(len(audio) / rate) == pytest.approx(5.2)
    assert np.abs(audio[: 2 * rate]).max() > 0.09 > 0.001 > np.abs(audio[2 * rate : 41_000]).max()


def test_fillers_are_known_by_their_words(sets):
    (call,) = sets["phone-talk"]
    assert [(e.onset, e.offset, e.label) for e in call.negatives] == [(1.0, 1.4, "filler")]


def test_emotions_are_the_backgrounds(sets):
    assert sorted(item.background for item in sets["emotional"]) == ["anger", "fear"]
    assert not any(item.events or item.negatives for item in sets["emotional"])


def test_only_words_that_are_alone_count_as_words(sets):
    (called,) = sets["cried-words"]
    assert [event.label for event in called.negatives] == ["word, fearful"] * 2
    assert called.background == "fearful"


def test_everyday_sounds_lie_apart_and_unclear_ones_are_left_out(sets):
    coughs, keys = sets["everyday"]
    assert [e.onset for e in coughs.events] == pytest.approx([0.0, 2.5], abs=0.02)
    assert [e.offset for e in coughs.events] == pytest.approx([0.5, 3.0], abs=0.02)
    assert {about["class"] for about in coughs.details} == {"cough"} and not coughs.negatives
    assert not keys.events and [event.label for event in keys.negatives] == ["Keys"]


def test_a_minute_is_full(copies, tmp_path):
    for k in range(40):
        clip(copies / f"nEMO/samples/EB0_joy_{k}.wav", 4.0)
    talk.write(copies, tmp_path, lambda line: None)
    lengths = [i.seconds for i in read_sets(tmp_path / "talk")[0]["emotional"] if i.background == "joy"]
    assert lengths == pytest.approx([15 * 4.6, 15 * 4.6, 10 * 4.6])


def test_a_missing_copy_is_named_with_the_command_that_fetches_it(copies, tmp_path):
    (copies / "EmoTale/wav/DK_001_A_1.wav").unlink()
    with pytest.raises(UsageError, match="EmoTale") as caught:
        talk.write(copies, tmp_path, lambda line: None)
    assert "git clone https://github.com/snehadas/EmoTale" in caught.value.mend


def test_every_label_lies_within_the_longest_clip():
    for onset, offset, label in talk.LABELS.values():
        assert 0 <= onset < offset <= 3.0 and label
