"""The published script's interface: functions, command line, text and JSON."""

import inspect
import json

import numpy as np
import pytest
import soundfile

from tests import reference_locator as reference
from vbannotate import inference
from vbannotate.models import hub

pytest.importorskip("torch")
pytest.importorskip("transformers")

OPTIONS = ["--threshold", "0.5", "--min-dur", "0.1", "--merge-gap", "0.1"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("inference") / "model.pt"
    reference.save_random(path)
    return path


def recording(folder, rate, channels, seconds=6.0, suffix="wav"):
    rng = np.random.default_rng(5)
    loud = np.repeat(rng.random((24, 1)) > 0.5, round(rate * seconds / 24), axis=0)
    samples = 0.3 * loud * rng.standard_normal((len(loud), channels))
    path = folder / f"a{rate}x{channels}.{suffix}"
    soundfile.write(path, samples.clip(-1, 1), rate)
    return path


@pytest.mark.parametrize(
    ("rate", "channels", "suffix"), [(16_000, 1, "wav"), (44_100, 2, "flac"), (8_000, 1, "wav")]
)
def test_events_equal_the_published(checkpoint, tmp_path, rate, channels, suffix):
    path = recording(tmp_path, rate, channels, suffix=suffix)
    network = reference.load(checkpoint, reference.TINY)
    expected = reference.published_events(
        reference.probabilities(network, reference.audio_30s(path)), 0.5, 0.1, 0.1
    )
    assert expected
    model, fe, device = inference.load_model("cpu", checkpoint)
    assert inference.detect_vocal_bursts(path, model, fe, device, 0.5, 0.1, 0.1) == expected
    assert inference.detect_vocal_bursts(str(path), model=model, threshold=0.999) == []


def test_signatures_are_the_published():
    assert str(inspect.signature(inference.load_model)).startswith("(device: 'str' = 'cpu', checkpoint:")
    parameters = inspect.signature(inference.detect_vocal_bursts).parameters
    assert list(parameters) == ["audio_path", "model", "fe", "device", "threshold", "merge_gap", "min_dur"]
    assert [p.default for p in parameters.values()][1:] == [None, None, None, 0.65, 0.3, 0.5]


def test_command_line_json_and_text(checkpoint, tmp_path, capsys):
    path = str(recording(tmp_path, 16_000, 1))
    arguments = [path, "--checkpoint", str(checkpoint), "--device", "cpu", *OPTIONS]
    assert inference.main([*arguments, "--json"]) == 0
    printed = capsys.readouterr().out
    found = json.loads(printed)
    assert printed == json.dumps(found, indent=2) + "\n"
    assert found["file"] == path and list(found["events"][0]) == ["start", "end", "confidence", "duration"]
    assert inference.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    first = found["events"][0]
    assert lines[:2] == [f"Detected {len(found['events'])} vocal burst(s) in {path}:", ""]
    assert lines[2] == (
        f"  1. {first['start']:.2f}s - {first['end']:.2f}s  "
        f"(duration: {first['duration']:.2f}s, confidence: {first['confidence']:.2f})"
    )
    assert inference.main([*arguments, "--threshold", "0.9999"]) == 0
    assert capsys.readouterr().out == f"No vocal bursts detected in {path}\n"


def test_a_missing_file(capsys):
    assert inference.main(["nowhere.wav"]) == 1
    assert capsys.readouterr().err == "Error: file not found: nowhere.wav\n"


def test_without_the_published_model_the_error_says_how_to_get_it(monkeypatch, tmp_path, capsys):
    def refuse(*args, **kwargs):
        raise OSError("offline")

    monkeypatch.setattr(hub, "cached", lambda entry: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", refuse)
    path = str(recording(tmp_path, 16_000, 1))
    assert inference.main([path]) == 3
    err = capsys.readouterr().err
    assert err.startswith("Error: vocalburst-locator could not be fetched (offline); check the connection")


def test_sound_behind_30_s_is_not_dropped(checkpoint, tmp_path):
    path = recording(tmp_path, 16_000, 1, seconds=40.0)
    model, _, _ = inference.load_model("cpu", checkpoint)
    events = inference.detect_vocal_bursts(path, model, threshold=0.5, merge_gap=0.1, min_dur=0.1)
    assert any(event["start"] > 30 for event in events) and events[-1]["end"] <= 40.02
