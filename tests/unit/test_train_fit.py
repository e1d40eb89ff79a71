"""Head, features on disk, choice of settings, figures and export on toys."""

import json
from dataclasses import replace

import numpy as np
import pytest

for _needed in ("scipy", "onnx", "safetensors"):
    pytest.importorskip(_needed, reason="the train extra is not installed")
torch = pytest.importorskip("torch", reason="the train extra is not installed")

from vbannotate.decode import Settings  # noqa: E402
from vbannotate.events import Event  # noqa: E402
from vbannotate.models.mel import log_mel  # noqa: E402
from vbannotate.models.whisper import Encoder  # noqa: E402
from vbannotate.train import choose, curves, export, features, fit, judge, pipeline, soften, tune  # noqa: E402
from vbannotate.train.features import FRAMES, TAPS, Shards  # noqa: E402
from vbannotate.train.head import EVENT, PULSE, Detector, Ears, probabilities  # noqa: E402
from vbannotate.train.sets import Item, joined  # noqa: E402

WIDTH = 64
PLAN = fit.Plan(epochs=10, batch=8, rate=5e-3, hidden=16)


def write_shard(folder, number, windows, rng):
    """States in which one channel of each tap tells a burst from anything else."""
    target = np.zeros((windows, FRAMES), np.uint8)
    for row in target:
        start = int(rng.integers(20, 400))
        row[start : start + int(rng.integers(10, 60))] = 1
    states = rng.standard_normal((windows, FRAMES, 2 * WIDTH)).astype(np.float16)
    states[:, :, 3] += 6 * target
    states[:, :, WIDTH + 9] += 6 * target
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{number:04d}.npy", states)
    np.savez(folder / f"{number:04d}.npz", target=target, weight=np.ones((windows, FRAMES), np.float16))
    return states


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    rng = np.random.default_rng(0)
    write_shard(folder / "train", 0, 24, rng)
    write_shard(folder / "mined", 0, 8, rng)
    write_shard(folder / "mined", 1, 0, rng)
    return folder


@pytest.fixture(scope="module")
def head(shards):
    return fit.fit(Shards([shards / "train", shards / "mined"]), PLAN, lambda line: None)


def test_shards_give_each_window_once_with_its_own_target(shards):
    both = Shards([shards / "train", shards / "mined"])
    assert len(both) == 32
    seen = list(both.batches(5, np.random.default_rng(1)))
    assert sum(len(batch.states) for batch in seen) == 32
    states, target = seen[0].states, seen[0].target
    assert states[target == 1][:, 3].mean() > 4 > 1 > abs(states[target == 0][:, 3].mean())


def test_the_head_learns_what_the_states_tell(shards, head):
    batch = next(Shards([shards / "mined"]).batches(8, np.random.default_rng(2)))
    with torch.inference_mode():
        found = probabilities(head(torch.from_numpy(batch.states).float())).numpy()
    assert found.shape[2] == 2 + len(features.KINDS)
    assert ((found[..., EVENT] > 0.5) == (batch.event > 0.5)).mean() > 0.99
    assert ((found[..., PULSE] > 0.5) == (batch.target > 0.5)).mean() > 0.99
    assert np.allclose(found[..., 2:].sum(axis=2), 1, atol=1e-5)


def test_events_fill_the_pauses_of_a_bout_and_no_others():
    target = np.zeros((1, FRAMES), np.uint8)
    target[0, [10, 11, 35, 100, 130]] = 1
    filled = features.events(target)[0]
    assert filled[10:36].all() and filled.sum() == 28 and not target[0, 12]


def test_a_mel_comes_back_from_its_packing():
    mel = np.linspace(-1.4, 2.4, 400, dtype=np.float32).reshape(4, 100)
    assert np.abs(features.unpacked_mel(features.packed_mel(mel)) - mel).max() <= 1 / 128 + 1e-6


def test_the_same_seed_fits_the_same_head(shards):
    plan = replace(PLAN, epochs=1)
    one, two = (fit.fit(Shards([shards / "mined"]), plan, lambda line: None) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_a_head_comes_back_from_its_file(head, tmp_path):
    fit.save(head, PLAN, tmp_path / "head.pt")
    again = fit.restore(tmp_path / "head.pt")
    x = torch.randn(1, FRAMES, 2 * WIDTH)
    with torch.inference_mode():
        assert torch.equal(head(x), again(x))


@pytest.fixture(scope="module")
def encoder_file(tmp_path_factory):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    encoder = Encoder(WIDTH, 5, 128, positions=1500)
    path = tmp_path_factory.mktemp("encoder") / "encoder.safetensors"
    save_file({f"encoder.{name}": t.half().contiguous() for name, t in encoder.state_dict().items()}, path)
    return path


def test_export_equals_torch_and_runs_as_a_model(head, encoder_file, tmp_path):
    from vbannotate import models

    detector = Detector(Ears(export.cut_encoder(encoder_file), TAPS), head).eval()
    presets = {"balanced": Settings(threshold=0.4, peak=0.9), "recall": Settings(threshold=0.2)}
    presets[pipeline.PULSES] = Settings(threshold=0.3, merge_gap=0.1)
    chosen = {name: s.to_dict() for name, s in presets.items()}
    export.write(detector, tmp_path / "model", pipeline.config("base", chosen))
    audio = np.random.default_rng(1).standard_normal(160_000).astype(np.float32) * 0.1
    locator = models.load(tmp_path / "model", device="cpu", backend="onnx")
    with torch.inference_mode():
        ours = detector(torch.from_numpy(log_mel(audio))[None])[0].numpy()
    assert np.abs(ours[:, EVENT] - curves.of(locator, audio)).max() < 5e-3
    pulses = models.load(tmp_path / "model", device="cpu", backend="onnx", granularity="pulse")
    assert np.abs(ours[:, PULSE] - curves.of(pulses, audio)).max() < 5e-3
    assert pulses.card.settings["threshold"] == 0.3 and pulses.labels == ("burst",)
    assert locator.labels == ("burst",) and locator.card.window_s == 10
    assert locator.card.settings["threshold"] == 0.4 and locator.card.presets["recall"]["threshold"] == 0.2
    assert len(curves.of(locator, audio[:40_000])) == 125


def test_tuning_changes_the_head_and_the_layers_between_the_taps_only(shards, head, encoder_file, tmp_path):
    encoder, own = export.cut_encoder(encoder_file), fit.restore(_saved(head, tmp_path))
    before = {name: p.clone() for name, p in encoder.named_parameters()}
    plan = tune.TunePlan(epochs=1, batch=8)
    tune.tune(encoder, own, Shards([shards / "mined"]), plan, lambda line: None)
    changed = {n for n, p in encoder.named_parameters() if not torch.equal(p, before[n])}
    assert changed and all(name.startswith(("layers.2", "layers.3")) for name in changed)
    assert not torch.equal(own.out.weight, head.out.weight)
    tune.save(encoder, own, tmp_path / "tuned.pt")
    again, other = export.cut_encoder(encoder_file), fit.restore(_saved(head, tmp_path))
    tune.restore(again, other, tmp_path / "tuned.pt")
    states = torch.randn(1, FRAMES, 2 * WIDTH)
    with torch.inference_mode():
        tails = [tune.Tail(*parts).eval()(states) for parts in ((encoder, own), (again, other))]
    assert torch.equal(*tails)


def test_what_a_network_errs_on_is_drawn_more_often(shards):
    windows = Shards([shards / "train"])
    said = np.where(windows.event > 0, 5, -5)[..., None].repeat(2, axis=2).astype(np.float16)
    said[7:10] = -said[7:10]
    chances = tune.chances(said, windows)
    assert set(np.argsort(chances)[-3:]) == {7, 8, 9} and chances.min() > 0
    assert chances[7] > 1.5 * np.median(chances)
    drawn = [batch.target for batch in windows.batches(5, np.random.default_rng(3), np.eye(24)[7])]
    assert sum(map(len, drawn)) == 24
    assert all((target == windows.target[7]).all() for target in drawn)


def test_the_network_is_asked_window_by_window(shards):
    class Told(torch.nn.Module):
        def forward(self, states):
            return states[..., :5]

    windows = Shards([shards / "train"])
    said = tune.told(Told(), windows)
    assert said.shape == (24, FRAMES, 2)
    assert np.allclose(said[7], windows.states(7)[..., :2], atol=1e-2)


def _saved(head, folder):
    fit.save(head, PLAN, folder / "own.pt")
    return folder / "own.pt"


def test_temperature_undoes_too_much_certainty(head):
    rng = np.random.default_rng(4)
    spans = [(a, a + 1) for a in range(1, 100, 3)]
    sound = item(*spans, seconds=120.0)
    inside = soften.frames(sound, 6000)
    assert inside.sum() == 50 * len(spans)
    probability = np.where(inside, 0.8, 0.2)  # right in four frames of five, and says so
    told = np.where(rng.random(6000) < 0.8, probability, 1 - probability)
    sure = 1 / (1 + np.exp(-3 * np.log(told / (1 - told))))  # three times the logits
    measured = {name: ([sound], [sure.astype(np.float32)]) for name in ("scenes", "speech", "music", "env")}
    assert soften.temperature(measured) == pytest.approx(3, abs=0.2)
    assert np.abs(soften.cooled(measured, 3.0)["scenes"][1][0] - told).max() < 1e-3


def test_cooling_divides_logits(head, tmp_path):
    own = fit.restore(_saved(head, tmp_path))
    soften.cool(own, 2.0)
    states = torch.randn(1, FRAMES, 2 * WIDTH)
    with torch.inference_mode():
        assert torch.allclose(own(states)[..., EVENT], head(states)[..., EVENT] / 2, atol=1e-5)
        assert torch.equal(own(states)[..., PULSE], head(states)[..., PULSE])


def test_large_weights_are_stored_in_half_precision(head, encoder_file, tmp_path):
    import onnx

    export.write(Detector(Ears(export.cut_encoder(encoder_file), TAPS), head), tmp_path / "model", {})
    graph = onnx.load(tmp_path / "model" / "model.onnx").graph
    wide = [
        t.name for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT and np.prod(t.dims) >= 1024
    ]
    assert not wide


def test_the_cut_encoder_gives_the_states_that_torch_gives(encoder_file, tmp_path):
    export.write_taps(encoder_file, tmp_path / "taps.onnx")
    audio = np.random.default_rng(2).standard_normal(160_000).astype(np.float32) * 0.1
    with torch.inference_mode():
        parts = Encoder.from_file(encoder_file).states(torch.from_numpy(log_mel(audio))[None], features.TAPS)
    ours = features.encoder_session(tmp_path / "taps.onnx")(log_mel(audio))
    assert ours.shape == (FRAMES, 2 * WIDTH)
    assert np.abs(ours - torch.cat(parts, dim=2)[0].numpy()).max() < 0.02


def item(*spans, seconds=10.0, background="speech"):
    details = tuple(
        {"class": "laugh", "source": "x", "snr": 3.0, "start_time": a, "end_time": b} for a, b in spans
    )
    return Item(None, seconds, background, tuple(Event(a, b) for a, b in spans), details)


def test_counts_and_figures():
    items = [item((1, 2), (5, 6)), item(), item(background="music")]
    found = [[Event(1.1, 2), Event(8, 9)], [Event(3, 4)], []]
    report = judge.report(items, found)
    assert report["f1"] == pytest.approx(2 / 5) and report["precision"] == pytest.approx(0.333)
    assert report["mean_of_clips_f1"] == pytest.approx((0.5 + 0 + 1) / 3, abs=1e-3)
    assert report["false_per_hour"] == 240.0 and report["detection_accuracy"] == pytest.approx(0.667)
    assert report["by_background"]["music"]["f1"] == 1.0
    assert report["recall_by"]["class"] == {"laugh": "1/2"}
    assert json.dumps(report)


def test_descent_finds_the_better_setting_and_keeps_the_middle_of_a_plateau():
    best = choose.descend(
        lambda s: -abs(s.threshold - 0.6) + (0.1 if s.peak is not None else 0), Settings(merge_gap=0.4)
    )
    assert best.threshold == 0.6 and best.peak is not None
    flat = choose.descend(lambda s: 0.0, Settings())
    assert flat.threshold == choose.GRID["threshold"][len(choose.GRID["threshold"]) // 2]


def test_pooled_counts_whole_sets():
    curve = np.zeros(500, np.float32)
    curve[50:100] = 0.9
    counts = choose.pooled(([item((1, 2)), item()], [curve, curve]), Settings(threshold=0.5, min_dur=0.1))
    assert (counts.hits, counts.misses, counts.false) == (1, 0, 1)
    assert counts.f1 == pytest.approx(2 / 3)


def test_a_sound_that_is_repeated_where_nothing_is_counts_once():
    curve = np.zeros(500, np.float32)
    curve[50:100] = curve[200:220] = curve[400:420] = 0.9
    sides = [item((1, 2)), item()], [curve, curve]
    settings = Settings(threshold=0.5, min_dur=0.1)
    assert choose.pooled(sides, settings).false == 2 + 3
    assert choose.pooled(sides, settings, once=True).false == 2 + 1


def test_settings_pay_for_words_cried_out_where_they_were_measured():
    """A burst at 0.93 is worth finding unless cried words are as sure."""
    burst, word, nothing = (np.zeros(500, np.float32) for _ in range(3))
    burst[50:100], word[200:250] = 0.93, 0.94
    sure = burst.copy()
    sure[50:100] = 0.99
    measured = {name: ([item()], [nothing]) for name in ("speech", "music", "env")}
    measured |= {name: ([item((1, 2))] * 3, [burst, sure, sure]) for name in ("scenes", "short")}
    for choice in (lambda m: choose.presets(m)["balanced"], choose.pulse):
        assert (choice(measured).peak or 0) <= 0.93
        assert choice(measured | {"cried": ([item()] * 9, [word] * 9)}).peak > 0.93


def test_curves_are_stitched_like_the_product():
    """Windows of 25 s of sound that overlap by 2 s start at 0, 8 and 15 s."""
    audio = np.repeat(np.float32([0.1, 0.2, 0.3, 0.4, 0.5]), 5 * 16_000)
    asked = []

    def network(mels):
        asked.append(mels)
        return np.full((1, 500, 3), len(asked) - 1, np.float32)

    whole = curves.by(network, audio)
    assert whole.shape == (1250, 3) and len(asked) == 3
    assert (whole[:400] == 0).all() and (whole[500:750] == 1).all() and (whole[900:] == 2).all()
    assert whole[450, 0] == pytest.approx(0.5, abs=0.01)
    assert np.array_equal(asked[2][0], log_mel(audio[15 * 16_000 :]))


def test_windows_side_by_side_hold_all_sound_once():
    audio = np.arange(1, 170_001, dtype=np.float32)
    cut = curves.windows(audio)
    assert cut.shape == (2, 160_000)
    assert np.array_equal(cut.ravel()[:170_000], audio) and not cut[1, 10_000:].any()


def test_references_of_series_are_joined_to_bouts():
    events = (Event(1, 1.2), Event(1.5, 1.8), Event(3, 3.5))
    assert [(e.onset, e.offset) for e in joined(events)] == [(1, 1.8), (3, 3.5)]


def test_pulses_of_an_event_become_events_where_they_are_known():
    sound = item((1, 2), (5, 6))
    known = sound.details[0] | {"pulses": [[1, 1.3], [1.6, 2]]}
    parts = judge.pulses(replace(sound, details=(known, sound.details[1])))
    assert [(e.onset, e.offset) for e in parts.events] == [(1, 1.3), (1.6, 2), (5, 6)]
    assert [about["class"] for about in parts.details] == ["laugh"] * 3
