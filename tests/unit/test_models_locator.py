"""The locator family against the published way to run it, on random checkpoints of the published layout."""

import json

import numpy as np
import pytest

from tests import reference_locator as reference
from vbannotate import audio, compat, models, report
from vbannotate.errors import ModelError, StartError, UsageError, WouldOverwriteError
from vbannotate.models import checkpoint
from vbannotate.models.export import export
from vbannotate.models.loading import choose
from vbannotate.models.locator import HEAD

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A random checkpoint and the network that the published way makes of it."""
    path = tmp_path_factory.mktemp("published") / "model.pt"
    reference.save_random(path)
    return path, reference.load(path, reference.TINY)


@pytest.fixture(scope="module")
def exported(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "ours"
    export(models.locate(published[0]), folder)
    return folder


def sound(seconds: float, seed: int = 1) -> np.ndarray:
    """Bursts of noise over a hum, float32 [samples] at 16 kHz."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * 16_000))
    loud = np.repeat(rng.random(len(t) // 4000 + 1) > 0.6, 4000)[: len(t)]
    return (0.02 * np.sin(t / 20) + 0.2 * loud * rng.standard_normal(len(t))).astype(np.float32)


def curve(locator, samples, padded=True, block=7000):
    pieces = locator.scores((samples[at : at + block] for at in range(0, len(samples), block)), padded=padded)
    return np.concatenate(list(pieces))[:, 0]


@pytest.mark.parametrize("backend", ["torch", "onnx"])
@pytest.mark.parametrize("seconds", [0.05, 7.3, 30.0])
def test_probabilities_equal_the_published(published, backend, seconds):
    path, network = published
    samples = sound(seconds)
    padded = np.pad(samples, (0, 480_000 - len(samples)))
    expected = reference.probabilities(network, padded)
    assert np.ptp(expected) > 0.3  # a flat curve would prove nothing
    found = curve(models.load(path, backend=backend, threads=1), samples)
    assert found.shape == (1500,) and np.abs(found - expected).max() < 1e-5
    for options in [(0.65, 0.3, 0.5), (0.5, 0.1, 0.1), (0.45, 0.0, 0.02)]:
        events = compat.decode("v1", found, *options, duration_us=round(seconds * 1e6))
        assert report.rows(events) == reference.published_events(expected, *options)


def test_real_recordings_give_the_published_events(published, shared, tmp_path):
    path, network = published
    locator, found = models.load(path, threads=1), 0
    folder = shared / "data" / "audio"
    recordings = [sorted((folder / kind).rglob("*.opus"))[0] for kind in ("bursts", "speech", "env", "music")]
    for recording in recordings:
        samples = audio.load(recording)[0][:480_000, 0]
        expected = reference.probabilities(network, np.pad(samples, (0, 480_000 - len(samples))))
        ours = curve(locator, samples)
        assert np.abs(ours - expected).max() < 1e-5
        events = report.rows(compat.decode("v1", ours, 0.5, 0.3, 0.1))
        assert events == reference.published_events(expected, 0.5, 0.3, 0.1)
        found += len(events)
    assert found > 0


def test_without_padding_a_frame_for_each_begun_20_ms(published):
    locator = models.load(published[0], threads=1)
    assert len(curve(locator, sound(1.01), padded=False)) == 51
    assert np.array_equal(curve(locator, sound(1.01), padded=False), curve(locator, sound(1.01))[:51])


def test_longer_sound_is_stitched(published):
    path, network = published
    samples = sound(42.0)
    found = curve(models.load(path, threads=1), samples)
    assert len(found) == 2100
    first = reference.probabilities(network, samples[:480_000])
    last = reference.probabilities(network, samples[-480_000:])
    assert np.abs(found[:600] - first[:600]).max() < 1e-5
    assert np.abs(found[1500:] - last[900:]).max() < 1e-5
    rise = (np.arange(600, 850) - 599) / 250  # the later window's weight where it fades in
    fade = (first[600:850] + rise * last[:250]) / (1 + rise)
    assert np.abs(found[600:850] - fade).max() < 1e-5


def test_nothing_heavy_from_the_checkpoint_is_computed(published):
    tensors = checkpoint.read(published[0])
    assert sum(name.startswith("whisper.decoder.") for name in tensors) > 10
    assert not [n for n in models.loading.read_weights(models.locate(published[0])).tensors if "decoder" in n]


def test_linked_and_older(published, tmp_path, monkeypatch):
    """A link as in the hub's cache, and an ONNX Runtime that takes tensors from memory only."""
    expected = curve(models.load(published[0], backend="onnx"), sound(2))
    link = tmp_path / "model.pt"
    link.symlink_to(published[0])
    assert np.array_equal(curve(models.load(link, backend="onnx"), sound(2)), expected)
    monkeypatch.setattr("vbannotate.models.onnx_backend.maps_folders", lambda: False)
    assert np.array_equal(curve(models.load(link, backend="onnx"), sound(2)), expected)


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_an_exported_folder_equals_its_source(published, exported, backend):
    assert sorted(p.name for p in exported.iterdir()) == [
        "README.md", "config.json", "model.onnx", "model.safetensors",
    ]  # fmt: skip
    samples = sound(3)
    expected = curve(models.load(published[0], backend="torch"), samples)
    assert np.abs(curve(models.load(exported, backend=backend), samples) - expected).max() < 1e-5
    assert models.card(exported).settings == {"threshold": 0.65, "merge_gap": 0.3, "min_dur": 0.5}
    with pytest.raises(WouldOverwriteError, match="exists"):
        export(models.locate(published[0]), exported)


def test_the_onnx_graph_is_valid(exported):
    onnx = pytest.importorskip("onnx")
    onnx.checker.check_model(str(exported / "model.onnx"), full_check=True)


def test_half_precision_folders_run(published, tmp_path):
    tensors = checkpoint.read(published[0])
    half = {name: value.astype(np.float16) for name, value in tensors.items() if "decoder" not in name}
    checkpoint.write_safetensors(tmp_path / "half.safetensors", half, {})
    export(models.locate(tmp_path / "half.safetensors"), tmp_path / "half")
    assert (tmp_path / "half" / "model.safetensors").stat().st_size < 2.5e6
    samples = sound(3)
    onnx, in_torch = (curve(models.load(tmp_path / "half", backend=b), samples) for b in ("onnx", "torch"))
    assert np.abs(onnx - in_torch).max() < 1e-5
    assert 0 < np.abs(in_torch - curve(models.load(published[0]), samples)).max() < 0.05


def test_a_head_needs_an_encoder_and_takes_one_from_its_folder(published, tmp_path):
    state = torch.load(published[0], weights_only=True)
    head = tmp_path / "head_only.pt"
    torch.save({name: state[name] for name in HEAD}, head)
    with pytest.raises(
        ModelError, match=r"head without a Whisper encoder; put the encoder's safetensors file"
    ):
        models.load(head)
    encoder = {n.replace("whisper.", "model."): t.numpy() for n, t in state.items() if ".encoder." in n}
    checkpoint.write_safetensors(tmp_path / "encoder.safetensors", encoder, {})
    samples = sound(2)
    assert np.array_equal(curve(models.load(tmp_path), samples), curve(models.load(published[0]), samples))


def test_a_head_of_another_width_is_named(published, tmp_path):
    state = torch.load(published[0], weights_only=True)
    head = {name: state[name] for name in HEAD} | {"proj.0.weight": torch.zeros(256, 768)}
    torch.save({**state, **head}, tmp_path / "model.pt")
    with pytest.raises(
        ModelError, match=r"width 768, not 128; give the encoder that the head was trained on"
    ):
        models.load(tmp_path / "model.pt")


def test_missing_tensors_are_named(published, tmp_path):
    state = torch.load(published[0], weights_only=True)
    del state["whisper.encoder.layers.1.fc2.bias"]
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(ModelError, match=r"encoder\.layers\.1\.fc2\.bias .*check that the file is whole"):
        models.load(tmp_path / "a.pt")
    del state["out.weight"]
    torch.save(state, tmp_path / "b.pt")
    with pytest.raises(ModelError, match=r"no locator head \(out\.weight missing\)"):
        models.load(tmp_path / "b.pt")


def test_a_file_takes_the_settings_of_its_published_name(published, tmp_path):
    second = tmp_path / "model_v2.pt"
    second.write_bytes(published[0].read_bytes())
    assert models.card(second).settings == {"threshold": 0.5, "merge_gap": 0.1, "min_dur": 0.1}
    assert models.card(tmp_path).settings["threshold"] == 0.5
    assert models.card(published[0]).presets["short"] == {"threshold": 0.6, "merge_gap": 0.2, "min_dur": 0.2}


def test_a_generic_onnx_folder_is_a_model(exported, tmp_path):
    config = json.loads((exported / "config.json").read_text("utf-8"))
    config |= {"name": "mine", "labels": ["laugh"], "sha256": {}, "settings": {"threshold": 0.4, "peak": 0.6}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    for name in ("model.onnx", "model.safetensors"):
        (tmp_path / name).write_bytes((exported / name).read_bytes())
    locator = models.load(tmp_path, backend="onnx")
    assert (locator.card.name, locator.labels, locator.frame_us) == ("mine", ("laugh",), 20_000)
    assert locator.card.identity() == {"name": "mine"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "other"}, "unknown model family 'other'; this version knows locator"),
        ({"settings": {"treshold": 0.4}}, "unknown setting 'treshold'"),
        ({"settings": {"threshold": 4}}, "threshold 4 is no probability"),
        ({"sample_rate": 48_000}, "sample_rate 48000"),
        ({"overlap_s": 20}, "overlap"),
        ({"labels": []}, "labels must be"),
    ],
)
def test_a_wrong_config_is_named(exported, tmp_path, change, message):
    config = json.loads((exported / "config.json").read_text("utf-8")) | change
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.onnx").write_bytes((exported / "model.onnx").read_bytes())
    with pytest.raises(ModelError, match=message):
        models.load(tmp_path)


def test_an_onnx_file_of_another_kind_is_refused(tmp_path, exported):
    (tmp_path / "config.json").write_bytes((exported / "config.json").read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"\x08\x08 not a graph")
    with pytest.raises(ModelError, match=r"model\.onnx cannot be run: .*; fetch or export it again"):
        models.load(tmp_path)


@pytest.mark.parametrize(
    ("device", "backend", "error", "message"),
    [
        ("gpu", "auto", UsageError, r"unknown device 'gpu'; give auto, cpu, cuda or cuda:1"),
        ("cpu", "jax", UsageError, r"unknown backend 'jax'; known are auto, torch, onnx"),
        (
            "cuda:7",
            "torch",
            StartError,
            r"cuda:7: torch sees \d+ CUDA devices here; give --device auto or cpu",
        ),
    ],
)
def test_wrong_devices_and_backends(published, device, backend, error, message):
    with pytest.raises(error, match=message):
        models.load(published[0], device=device, backend=backend)


def test_what_auto_chooses(published, exported, monkeypatch):
    file, folder = models.locate(published[0]), models.locate(exported)
    assert choose(file, "cpu", "auto") == choose(folder, "cpu", "auto") == ("onnx", "cpu")
    monkeypatch.setattr("vbannotate.models.loading._has_cuda_driver", lambda: False)
    assert choose(file, "auto", "auto") == ("onnx", "cpu")
    assert choose(file, "auto", "torch") == ("torch", "cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr("vbannotate.models.loading._has_cuda_driver", lambda: True)
    assert choose(file, "auto", "auto")[0] == "torch"
    monkeypatch.setattr("vbannotate.models.loading.find_spec", lambda name: None)  # the base install
    assert choose(file, "cpu", "auto") == ("onnx", "cpu")
    with pytest.raises(
        StartError, match=r'--backend torch needs torch; run: pip install "vbannotate\[torch\]"'
    ):
        choose(file, "cpu", "torch")


def test_an_onnx_only_model_has_no_torch_backend(exported, tmp_path):
    for name in ("config.json", "model.onnx"):
        (tmp_path / name).write_bytes((exported / name).read_bytes())
    with pytest.raises(ModelError, match="comes as ONNX only; leave out --backend torch"):
        models.load(tmp_path, backend="torch")
