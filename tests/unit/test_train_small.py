"""The small detector: its shards of log-mels, its teacher, one short training, its file; and the card."""

import json

import numpy as np
import pytest
import soundfile

for _needed in ("scipy", "onnx", "safetensors"):
    pytest.importorskip(_needed, reason="the train extra is not installed")
torch = pytest.importorskip("torch", reason="the train extra is not installed")

import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402

from vbannotate import models  # noqa: E402
from vbannotate.decode import Settings  # noqa: E402
from vbannotate.errors import UsageError  # noqa: E402
from vbannotate.models.whisper import Encoder  # noqa: E402
from vbannotate.train import card, curves, eightbit, export, pipeline, small, whole  # noqa: E402
from vbannotate.train.features import FRAMES, TAPS, packed_mel, unpacked_mel  # noqa: E402
from vbannotate.train.head import EVENT, PULSE, Detector, Ears, Head  # noqa: E402

WIDTH = 64
PLAN = small.SmallPlan(epochs=12, batch=8, head_rate=1e-2, encoder_rate=1e-3, hidden=16, kept=0.5)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Windows in which a burst is loud in the upper bands."""
    folder, rng = tmp_path_factory.mktemp("features"), np.random.default_rng(0)
    target = np.zeros((24, FRAMES), np.uint8)
    mels = rng.normal(0, 0.1, (24, 80, 2 * FRAMES)).astype(np.float32)
    for row, mel in zip(target, mels, strict=True):
        start, length = int(rng.integers(20, 400)), int(rng.integers(10, 60))
        row[start : start + length] = 1
        mel[40:, 2 * start : 2 * (start + length)] += 1
    np.save(folder / "0000.npy", rng.normal(size=(24, FRAMES, 2 * WIDTH)).astype(np.float16))
    np.save(folder / "0000.mel.npy", packed_mel(mels))
    np.savez(folder / "0000.npz", target=target, kind=3 * target, weight=np.ones(target.shape, np.float16))
    return small.Mels([folder])


def fresh():
    torch.manual_seed(0)
    return small.make(Encoder(WIDTH, 1, 128), PLAN.hidden)


def events_of(model, mels):
    """The probabilities of an event, float32 [windows, 500]."""
    with torch.inference_mode():
        return model(torch.from_numpy(mels))[..., EVENT].numpy()


@pytest.fixture(scope="module")
def trained(shards):
    model = fresh()
    small.train(model, shards, PLAN, report=lambda line: None)
    return model


def test_the_small_network_learns_from_log_mels(shards, trained):
    batch, mel, _ = next(shards.forever(24, np.random.default_rng(1)))
    found = events_of(trained, mel)
    assert ((found > 0.5) == (batch.event > 0.5)).mean() > 0.97


def test_it_follows_its_teacher(shards):
    """A teacher that says no everywhere, alone in the loss, is believed against the labels."""
    model, plan = (
        fresh(),
        small.SmallPlan(epochs=12, batch=8, head_rate=1e-2, hidden=16, taught=1.0, kept=0.5),
    )
    small.train(model, shards, plan, np.full((24, FRAMES, 2), -8, np.float16), report=lambda line: None)
    _, mel, _ = next(shards.forever(24, np.random.default_rng(1)))
    assert events_of(model, mel).max() < 0.3


def test_it_hears_the_log_mels_altered(shards, trained):
    """With a burst's bands silenced on the way, it learns nothing of them."""

    def silenced(mel, rng):
        mel[:, 40:] = 0
        return mel

    model = fresh()
    small.train(model, shards, PLAN, report=lambda line: None, altered=silenced)
    batch, mel, _ = next(shards.forever(24, np.random.default_rng(1)))
    right = [((events_of(m, mel) > 0.5) == (batch.event > 0.5)).mean() for m in (trained, model)]
    assert right[1] < right[0] - 0.02


def test_the_whole_is_tuned_but_for_what_lies_lowest(shards):
    torch.manual_seed(0)
    encoder, head = Encoder(WIDTH, 4, 128), Head(WIDTH, 2, 16, 12)
    before = {k: v.clone() for k, v in Detector(Ears(encoder, TAPS), head).state_dict().items()}
    plan = whole.WholePlan(epochs=1, batch=8, kept=0.5)
    whole.tune(encoder, head, shards, plan, lambda line: None)
    tuned = Detector(Ears(encoder, TAPS), head)
    after = tuned.state_dict()
    changed = {k for k in before if not torch.equal(before[k], after[k])}
    still = {
        "ears.encoder.conv1",
        "ears.encoder.conv2",
        "ears.encoder.embed_positions",
        "ears.encoder.layers.0",
        "ears.encoder.layer_norm",
    }
    assert changed and not any(key.startswith(tuple(still)) for key in changed)
    assert all(key in changed or key.startswith(tuple(still)) for key in before)


def test_another_microphone_bends_the_spectrum_and_keeps_its_range():
    mel = torch.linspace(-1, 1, 80)[None, :, None].repeat(40, 1, 100)
    given = mel.clone()
    found = whole.heard(mel, np.random.default_rng(3))
    assert found.shape == given.shape and torch.isfinite(found).all()
    shapes = (found - given)[:, :, -1].std(
        dim=1
    )  # the last frame is seldom masked; a level alone bends nothing
    assert 10 <= int((shapes > 0.03).sum()) <= 35
    assert all(float(w.max() - w.min()) <= 2.0 + 1e-5 for w in found)


def test_the_mean_of_two_networks_is_that_of_their_weights():
    nets = [(Encoder(WIDTH, 1, 128), Head(WIDTH, 1, 16, 12)) for _ in range(3)]
    for encoder, _ in nets:
        torch.nn.init.normal_(encoder.conv1.weight)
    states = [whole.weights(*net) for net in nets[1:]]
    wanted = (nets[1][0].conv1.weight + nets[2][0].conv1.weight) / 2
    whole.mean(*nets[0], states)
    torch.testing.assert_close(nets[0][0].conv1.weight, wanted)


@pytest.fixture(scope="module")
def eight(shards, trained):
    """The trained detector in 8-bit arithmetic."""
    _, mels, _ = next(shards.forever(16, np.random.default_rng(3)))
    return Detector(Ears(eightbit.encoder(trained.ears.encoder, mels), small.TAPS), trained.head).eval()


@pytest.fixture(scope="module")
def folder(eight, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny"
    chosen = {"balanced": Settings().to_dict(), pipeline.PULSES: Settings().to_dict()}
    export.write(eight, path, pipeline.config("tiny", chosen))
    return path


def test_eight_bits_are_nearly_enough(shards, trained, eight):
    _, mels, _ = next(shards.forever(24, np.random.default_rng(4)))
    with torch.inference_mode():
        ours, full = (model(torch.from_numpy(mels))[..., EVENT] for model in (eight, trained))
    assert 0 < (ours - full).abs().max() < 0.1 and (ours - full).square().mean().sqrt() < 0.01


def test_a_loud_channel_does_not_drown_the_others():
    rng = torch.Generator().manual_seed(0)
    weight, inputs = torch.randn(32, 16, generator=rng), torch.randn(400, 32, generator=rng)
    inputs[:, 5] *= 200
    weight[5] /= 200
    exact = inputs @ weight
    found = eightbit.Product(weight, None, inputs)(inputs)
    assert 0 < (found - exact).square().mean().sqrt() < 0.1 * exact.std()


def test_its_file_gives_what_torch_gives_on_the_windows_of_its_own_layout(eight, folder):
    audio = np.random.default_rng(1).standard_normal(25 * 16_000).astype(np.float32) * 0.1
    locator = models.load(folder, device="cpu")
    assert locator.card.name == "tiny" and locator.card.layout == curves.LAYOUT

    def network(mels):
        with torch.inference_mode():
            return eight(torch.from_numpy(mels)).numpy()

    ours = curves.by(network, audio)[:, EVENT]
    assert np.abs(ours - curves.of(locator, audio)).max() < 5e-3


def test_validation_curves_are_those_of_the_file_and_are_kept(folder, tmp_path):
    rng, model = np.random.default_rng(6), tmp_path / "cache" / "model.onnx"
    model.parent.mkdir()
    model.write_bytes((folder / "model.onnx").read_bytes())
    recordings = tmp_path / "val" / "music"
    recordings.mkdir(parents=True)
    for name, seconds in (("a", 12), ("b", 3)):
        sound = 0.1 * rng.standard_normal(seconds * 16_000)
        soundfile.write(recordings / f"{name}.flac", sound, 16_000)
        about = {"events": [], "duration_sec": seconds, "bg_type": "music", "n_vocal_bursts": 0}
        (recordings / f"{name}.json").write_text(json.dumps(about))
    said: list[str] = []
    measured = pipeline.validation_curves(model, tmp_path / "val", said.append)
    for column, granularity in ((EVENT, "event"), (PULSE, "pulse")):
        items, found = measured[column]["music"]
        locator = models.load(folder, device="cpu", granularity=granularity)
        assert [item.path.stem for item in items] == ["a", "b"]
        for item, curve in zip(items, found, strict=True):
            assert np.array_equal(curve, curves.of(locator, curves.read(item)))
    again = pipeline.validation_curves(model, tmp_path / "val", said.append)
    assert said == ["validation: cache on music"]
    assert np.array_equal(again[EVENT]["music"][1][0], measured[EVENT]["music"][1][0])


def test_a_window_does_not_depend_on_the_others_of_its_batch(folder, shards):
    _, mels, _ = next(shards.forever(4, np.random.default_rng(5)))
    network = models.load(folder, device="cpu").network
    alone = np.concatenate([network(mel[None]) for mel in mels])
    assert np.array_equal(network(mels), alone)


def test_weights_in_the_file_have_8_bits_and_leave_room_for_the_sums_of_two(folder):
    graph = onnx.load(folder / "model.onnx").graph
    stored = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    products = [n.input[1] for n in graph.node if n.op_type == "MatMul"]
    made = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    weights = [stored[made[name]] for name in products if made.get(name) in stored]
    assert len(weights) == 8 and all(w.dtype == np.int8 and 50 < np.abs(w).max() <= 63 for w in weights)
    floats = [w for name, w in stored.items() if w.dtype.kind == "f" and w.size >= 1024]
    assert all(w.dtype == np.float16 for w in floats)


def test_masks_change_the_packed_mels_copy_only(shards):
    rng = np.random.default_rng(2)
    kept = shards._mels[0][0].copy()
    small.masked(torch.from_numpy(unpacked_mel(shards._mels[0][:4])), rng)
    assert np.array_equal(kept, shards._mels[0][0])


def test_a_card_is_filled_between_its_marks(tmp_path):
    values = {"threshold": 0.5, "peak": 0.9, "merge_gap": 0.4, "min_dur": 0.1, "smooth": 1}
    presets = {"balanced": values, "recall": values | {"peak": None}}
    (tmp_path / "config.json").write_text(json.dumps({"presets": presets, "pulse": values}))
    counts = {"f1": 0.9, "precision": 0.8, "recall": 1.0, "references": 7, "false_per_hour": 4.2}
    scenes = counts | {
        "minutes": 150.0, "detection_accuracy": 0.97, "mean_of_clips": {"f1": 0.95}, "onset": {"f1": 0.93},
        "by_background": {"speech": counts}, "by_iou": {"0.5": {"f1": 0.9}},
        "intervals": {"f1": [0.88, 0.92]}, "recall_by": {"class": {"laugh": "3/4"}, "length": {}, "snr": {}},
    }  # fmt: skip
    with pytest.raises(UsageError, match="has no part"):
        (tmp_path / "README.md").write_text("# a card")
        card.fill(tmp_path, {"sets": {"scenes": scenes}}, {"sets": {}})
    marks = (
        "# a card\n<!-- settings -->\nold\n<!-- /settings -->\nmine\n<!-- figures -->\n<!-- /figures -->\n"
    )
    (tmp_path / "README.md").write_text(marks)
    for _ in range(2):
        card.fill(tmp_path, {"sets": {"scenes": scenes}}, {"sets": {}})
    text = (tmp_path / "README.md").read_text("utf-8")
    assert "former" not in text and "\nmine\n" in text and text.count("balanced (default)") == 1
    assert "| recall | 0.5 | none | 0.4 |" in text
    assert "| ... over speech | 7 | 0.900 |" in text and "laugh 3/4" in text and "0.880 to 0.920" in text


def test_events_that_moved_are_told_from_those_that_are_missing():
    ours = [(0, 100), (200, 300)]
    assert pipeline._moved(ours, [(0, 120), (190, 300)]) == 20
    assert pipeline._moved([], []) == 0 and pipeline._moved(ours, ours[:1]) == float("inf")
