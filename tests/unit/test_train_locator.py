"""Training in the published architecture: data, one step of each mode, merging, the files of a run."""

# ruff: noqa: E402 - the skips come first
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft", reason="the train extra is not installed")
pytest.importorskip("accelerate", reason="the train extra is not installed")

import soundfile

from vbannotate import models
from vbannotate.errors import ModelError, UsageError
from vbannotate.models import checkpoint, published, runs, torch_backend
from vbannotate.models.export import export, export_head
from vbannotate.models.loading import read_weights
from vbannotate.models.locator import HEAD, arrange
from vbannotate.models.mel import log_mel
from vbannotate.models.windows import curve
from vbannotate.train.locator import (
    data,
    encoder,
    machine,
    network,
    options,
    output,
    scoring,
    states,
    training,
)

WINDOW = 2.0
LAYOUT = data.layout(WINDOW)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    """A Whisper of two small layers as transformers writes it."""
    from transformers import WhisperConfig, WhisperModel

    torch.manual_seed(0)
    config = WhisperConfig(
        d_model=64, encoder_layers=2, decoder_layers=1, encoder_attention_heads=1, decoder_attention_heads=1,
        encoder_ffn_dim=128, decoder_ffn_dim=128, vocab_size=100, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("whisper") / "tiny"
    WhisperModel(config).save_pretrained(folder)
    return folder


def write_clips(folder, count, seed, seconds=4.0):
    """Recordings of noise; every other holds one louder second with a label."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for k in range(count):
        sound = 0.01 * rng.standard_normal(round(seconds * 16_000)).astype(np.float32)
        events = []
        if k % 2 == 0:
            onset = round(float(rng.uniform(0.2, seconds - 1.2)), 2)
            sound[round(onset * 16_000) :][:16_000] += 0.3 * rng.standard_normal(16_000).astype(np.float32)
            name = "laugh" if k % 4 else "cough"
            events = [{"start_time": onset, "end_time": onset + 1, "class": name}]
        soundfile.write(folder / f"{k}.wav", sound, 16_000)
        about = {
            "events": events,
            "duration_sec": seconds,
            "bg_type": "silence",
            "n_vocal_bursts": len(events),
        }
        (folder / f"{k}.json").write_text(json.dumps(about))


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    write_clips(folder / "train", 6, 1)
    write_clips(folder / "val", 4, 2)
    return folder


def plan(whisper, clips, out, mode, cache=None, **changes):
    given = {"data_dir": str(clips), "out_dir": str(out), "epochs": 1, "max_bsz": 4, "lr": 1e-3} | changes
    extra = {name: given.pop(name) for name in ("labels", "save_steps") if name in given}
    settings = options.resolve(given, {}, None, mode)
    return training.Run(
        settings, str(whisper), window_s=WINDOW, device="cpu", cache=cache or out.parent / "cache", **extra
    )


QUIET = training.Report(lambda line: None)


def test_encoders_are_found_whatever_holds_them(whisper, tmp_path):
    folder = encoder.find(str(whisper))
    assert (folder.width, folder.bands, folder.positions) == (64, 80, 1500)
    assert not any("decoder" in name for name in folder.tensors)
    own = tmp_path / "encoder.safetensors"
    half = {name: tensor.astype(np.float16) for name, tensor in folder.tensors.items()}
    checkpoint.write_safetensors(own, half, {})
    assert encoder.find(str(own)).tensors.keys() == folder.tensors.keys()
    with pytest.raises(ModelError, match="openai/whisper-base is not on this computer; give --pull"):
        encoder.find("base")
    with pytest.raises(ModelError, match="no encoder"):
        encoder.find("nothing.safetensors")


def test_an_encoder_computes_what_transformers_computes(whisper):
    from transformers import WhisperModel

    theirs = WhisperModel.from_pretrained(whisper).eval().encoder
    ours = network.encoder_of(encoder.find(str(whisper))).eval()
    mel = torch.from_numpy(log_mel(np.random.default_rng(0).standard_normal(480_000).astype(np.float32)))[
        None
    ]
    with torch.inference_mode():
        assert torch.allclose(ours(mel), theirs(mel).last_hidden_state, atol=1e-5)


def test_windows_and_targets_are_those_of_detection(tmp_path):
    marks = ((0.5, 1.0, "laugh"), (3.011, 3.5, "cough"))
    target = data.target_of(marks, 0, 200, ("burst", "laugh", "cough"))
    assert target[:, 0].sum() == 25 + 24 and target[25:50, 1].all() and not target[150, 2] and target[151, 2]
    assert data.target_of(marks, 150, 50, ("burst",)).sum() == 24
    for seconds in (0.4, 2.0, 2.013, 3.6, 7.3, 8.4):
        clip = data.Clip(tmp_path, seconds, ())
        cut = []

        def keep(sound, cut=cut):
            cut.extend(sound)
            return np.zeros((len(sound), LAYOUT.window, 1), np.float32)

        samples = np.arange(round(seconds * 16_000), dtype=np.float32) + 1
        assert sum(len(piece) for piece in curve([samples], keep, LAYOUT)) == -(-len(samples) // 320)
        starts = [round((w[0] - 1) / 320) for w in cut]
        assert [w.start for w in data.windows([clip], LAYOUT)] == starts


def test_without_halves_files_are_held_out_by_the_seed(clips):
    one, same = (data.read(clips / "train", seed=3) for _ in range(2))
    assert len(one.val) == 1 and len(one.train) == 5
    assert one.val == same.val and not {c.path for c in one.val} & {c.path for c in one.train}
    assert len({data.read(clips / "train", seed=k).val[0].path for k in range(12)}) > 2
    with pytest.raises(UsageError, match="no data folder"):
        data.read(clips / "nowhere", 0)


def test_the_scorer_counts_by_hand(tmp_path):
    clips_ = [data.Clip(tmp_path, 4.0, ((1.0, 2.0, "laugh"),)), data.Clip(tmp_path, 2.0, ())]
    scorer = scoring.Scorer(
        clips_, LAYOUT, ("burst",), scoring.Settings(threshold=0.5, merge_gap=0.1, min_dur=0.1)
    )
    found = np.zeros((len(data.windows(clips_, LAYOUT)), LAYOUT.window, 1), np.float32)
    found[0, 50:100] = 0.9  # 1-2 s: the event, also seen by the second window
    found[1, : 100 - LAYOUT.hop] = 0.9
    found[-1, 10:30] = 0.8  # in the clip without any
    figures = scorer(found)
    assert figures["event_f1"] == pytest.approx(2 / 3) and figures["event_precision"] == 0.5
    assert figures["event_recall"] == 1 and figures["mean_of_clips_f1"] == 0.5
    assert figures["detection_accuracy"] == 0.5


@pytest.mark.parametrize("mode", options.MODES)
def test_one_step_changes_what_it_should_and_nothing_else(whisper, mode):
    source = encoder.find(str(whisper))
    torch.manual_seed(1)
    model = network.build(source, mode, 1, 2.0, 4, 8.0).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    step = torch.optim.AdamW(network.groups(model, 1e-2, 1e-2))
    mel, target = torch.randn(2, 80, 200), torch.zeros(2, 100, 1)
    target[:, 20:60] = 1
    for _ in range(2):  # the first leaves LoRA's A as it is: B is zero
        model(mel, target=target)["loss"].backward()
        step.step()
        step.zero_grad()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    adapters = {name for name in before if "lora_" in name}
    whole = {name for name in before if name.startswith("encoder.")}
    expected = {"frozen": set(), "lora": adapters, "full": whole}[mode]
    assert changed == set(HEAD) | expected
    assert bool(adapters) is (mode == "lora")
    assert all("q_proj" in name or "v_proj" in name for name in adapters)
    assert len(adapters) == (2 * 2 * 2 if mode == "lora" else 0)
    if mode != "full":  # the encoder that is written is, but for merging, bit for bit the one that was read
        written = network.tensors(model, source)
        for name, value in source.tensors.items():
            same = np.array_equal(written[f"whisper.{name}"], value)
            assert same is not (mode == "lora" and name.endswith(("q_proj.weight", "v_proj.weight")))


def test_rates_of_head_and_encoder(whisper):
    groups = network.groups(network.build(encoder.find(str(whisper)), "full", 1), 5e-4, 2e-4)
    assert {group["lr"] for group in groups} == {5e-4, 2e-4}
    count = sum(p.numel() for group in groups if group["lr"] == 5e-4 for p in group["params"])
    assert count == 64 * 256 + 256 + 256 * 256 * 7 + 256 + 256 + 1  # hidden = max(256, width // 2)


@pytest.fixture(scope="module")
def adapted(whisper, clips, tmp_path_factory):
    """A LoRA run of three epochs with two labels."""
    out = tmp_path_factory.mktemp("runs") / "lora"
    run = plan(whisper, clips, out, "lora", epochs=3, labels=("burst", "laugh"), encoder_lr=2e-2)
    outcome = training.train(run, QUIET)
    output.write(outcome, out, ["vbannotate", "train", "detector"])
    return out, outcome


def probabilities(folder, samples, **how):
    return np.concatenate([*models.load(folder, device="cpu", threads=1, **how).scores([samples])])


def test_merged_equals_adapted(adapted, clips):
    out, outcome = adapted
    samples = data.sound(clips / "val" / "0.wav")[: round(WINDOW * 16_000)]
    mel = torch.from_numpy(log_mel(samples))[None]
    assert any("lora_B" in name and value.any() for name, value in outcome.network.state_dict().items())
    with torch.inference_mode():
        expected = torch.sigmoid(outcome.network(mel)["logits"])[0].numpy()
        plain = torch_backend.build(read_weights(models.locate(out)))(mel)
    assert np.abs(torch.sigmoid(plain)[0].numpy() - expected).max() < 1e-5
    assert np.abs(probabilities(out, samples) - expected).max() < 1e-5
    tensors = checkpoint.read(out / "model.safetensors")
    assert not any("lora" in name or "base_layer" in name for name in tensors)


def test_merging_without_peft_equals_peft(adapted, whisper):
    out, outcome = adapted
    tensors = dict(encoder.find(str(whisper)).tensors)
    weights, card = runs.read(out / "adapter", tensors, merge=True)
    base = outcome.network.encoder.merge_and_unload(safe_merge=True).state_dict()
    for name, value in base.items():
        assert np.abs(weights.tensors[f"encoder.{name}"] - value.numpy()).max() < 1e-6
    assert card.labels == ("burst", "laugh") and card.window_s == WINDOW


def test_checkpoints_and_adapters_become_models(adapted, whisper, clips, tmp_path):
    from vbannotate.cli.app import run

    out, _ = adapted
    last = max((out / "checkpoints").glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    with pytest.raises(ModelError, match="models export"):
        models.locate(last)
    assert run(["models", "export", str(last), "-o", str(tmp_path / "no")]) == 3
    assert run(["models", "export", str(last), "-o", str(tmp_path / "a"), "--merge-lora"]) == 0
    assert run(["models", "export", str(out / "adapter"), "-o", str(tmp_path / "b"), "--merge-lora"]) == 3
    assert (
        run(
            ["models", "export", str(out / "adapter"), "-o", str(tmp_path / "b"), "--merge-lora", "--encoder",
             str(whisper)]
        ) == 0
    )  # fmt: skip
    assert run(["models", "export", str(out), "-o", str(tmp_path / "c"), "--merge-lora"]) == 2
    samples = data.sound(clips / "val" / "2.wav")
    assert np.abs(probabilities(tmp_path / "b", samples) - probabilities(out, samples)).max() < 1e-5
    scale = json.loads((last / "run.json").read_text())["settings"]["lora_alpha"] / 8
    found = checkpoint.read(last / "model.safetensors")
    name = "encoder.base_model.model.layers.0.self_attn.q_proj"
    product = found[f"{name}.lora_B.default.weight"] @ found[f"{name}.lora_A.default.weight"]
    merged = checkpoint.read(tmp_path / "a" / "model.safetensors")["encoder.layers.0.self_attn.q_proj.weight"]
    assert np.abs(found[f"{name}.base_layer.weight"] + scale * product - merged).max() < 1e-6


def test_exported_onnx_equals_torch(adapted, clips, tmp_path):
    out, _ = adapted
    files = export(models.locate(out), tmp_path / "one", onnx_only=True)
    assert [path.name for path in files] == ["README.md", "config.json", "model.onnx"]
    export(models.locate(out), tmp_path / "two")
    samples = data.sound(clips / "val" / "0.wav")
    expected = probabilities(out, samples, backend="torch")
    for folder in (tmp_path / "one", tmp_path / "two"):
        assert np.abs(probabilities(folder, samples, backend="onnx") - expected).max() < 1e-5


def test_a_head_goes_with_anyones_encoder(adapted, whisper, clips, tmp_path):
    out, _ = adapted
    export_head(read_weights(models.locate(out)), models.card(out), tmp_path / "head")
    state = torch.load(tmp_path / "head" / "head_only.pt", weights_only=True)
    assert list(state) == list(HEAD) and all(value.dtype == torch.float32 for value in state.values())
    assert state["proj.0.weight"].shape == (256, 64) and state["out.weight"].shape == (2, 256)
    stored = torch.load(out / "head" / "head_only.pt", weights_only=True)
    assert all(torch.equal(state[name], stored[name]) for name in HEAD)
    (tmp_path / "head" / "encoder.safetensors").write_bytes((whisper / "model.safetensors").read_bytes())
    samples = data.sound(clips / "val" / "0.wav")
    found = probabilities(tmp_path / "head", samples)
    expected = arrange(dict(state_arrays(state)), "x", dict(encoder.find(str(whisper)).tensors))
    mel = torch.from_numpy(log_mel(samples[:32_000]))[None]
    with torch.inference_mode():
        first = torch.sigmoid(torch_backend.build(expected)(mel))[0].numpy()
    assert np.abs(found[: LAYOUT.hop] - first[: LAYOUT.hop]).max() < 1e-5


def state_arrays(state):
    return ((name, value.numpy()) for name, value in state.items())


def test_training_begins_with_given_weights(adapted, whisper, clips, tmp_path):
    out, _ = adapted
    head = torch.load(out / "head" / "head_only.pt", weights_only=True)
    both = ("burst", "laugh")
    run = plan(
        whisper, clips, tmp_path / "a", "frozen", lr=1e-9, labels=both, init_weights=str(out / "head"),
    )  # fmt: skip
    outcome = training.train(run, QUIET)
    assert all(torch.allclose(outcome.network.head()[name], head[name], atol=1e-6) for name in HEAD)
    run = plan("none", clips, tmp_path / "b", "frozen", lr=1e-9, labels=both, init_weights=str(out))
    assert training.train(run, QUIET).source.name == "model.safetensors"
    run = plan(whisper, clips, tmp_path / "c", "frozen", init_weights=str(out / "head"))
    with pytest.raises(ModelError, match="same number of labels"):
        training.train(run, QUIET)


def test_a_frozen_encoder_runs_once(whisper, clips, tmp_path, monkeypatch):
    one = training.train(plan(whisper, clips, tmp_path / "one", "frozen", tmp_path / "cache"), QUIET)
    kept = sorted((tmp_path / "cache").rglob("*.npy"))
    assert len(kept) == 10 * len(data.windows([data.Clip(tmp_path, 4.0, ())], LAYOUT))
    assert np.load(kept[0]).dtype == np.float16
    kept[0].unlink()
    filled = []
    fill = states.States.fill
    monkeypatch.setattr(states.States, "fill", lambda *a, **k: filled.append(fill(*a, **k)) or filled[-1])
    two = training.train(plan(whisper, clips, tmp_path / "two", "frozen", tmp_path / "cache"), QUIET)
    assert filled == [1] and sorted((tmp_path / "cache").rglob("*.npy")) == kept
    assert [e["loss"] for e in one.log if "loss" in e] == [e["loss"] for e in two.log if "loss" in e]


def test_a_run_leaves_model_log_picture_and_card(adapted):
    out, outcome = adapted
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line for line in lines if "loss" in line][-1]["step"] == 3 * -(-18 // 4)
    assert [line["epoch"] for line in lines if "event_f1" in line] == [1, 2, 3]
    assert lines == outcome.log
    assert (out / "curves.png").read_bytes()[:4] == b"\x89PNG"
    card = (out / "README.md").read_text()
    assert "LoRA of rank 8, alpha 16" in card and "vbannotate train detector" in card
    assert f"| trainable parameters | {outcome.record['trainable']:,} |" in card
    assert dict(models.card(out).settings) == {"threshold": 0.5, "merge_gap": 0.5, "min_dur": 0.3}
    with pytest.raises(ModelError, match="not merged"):
        arrange(checkpoint.read(next(out.glob("checkpoints/*")) / "model.safetensors"), "x")


def test_a_label_that_nothing_bears_is_an_error(whisper, clips, tmp_path):
    with pytest.raises(UsageError, match=r"no training event is a sneeze; the data hold: cough, laugh"):
        training.train(plan(whisper, clips, tmp_path / "x", "frozen", labels=("laugh", "sneeze")), QUIET)


def test_the_largest_batch_that_fits_is_found(whisper, clips, monkeypatch):
    model = network.build(encoder.find(str(whisper)), "full", 1)
    asked = []

    def fits(model, batch):
        asked.append(len(batch["mel"]))
        return asked[-1] <= 8

    dataset = [{"mel": np.zeros((80, 200), np.float32), "target": np.zeros((100, 1), np.float32)}] * 100
    monkeypatch.setattr(machine, "_fits", fits)
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, *a, **k: self)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *a, **k: self)
    assert machine.probe(model, dataset, "cuda") == 8 and asked == [64, 32, 16, 8]
    assert machine.probe(model, dataset, "cpu") == machine.CPU_BATCH


def test_a_step_that_does_not_fit_is_told_from_other_errors(whisper):
    model = network.build(encoder.find(str(whisper)), "frozen", 1)
    batch = {"mel": torch.zeros(1, 80, 200), "target": torch.zeros(1, 100, 1)}
    assert machine._fits(model, batch) and all(p.grad is None for p in model.parameters())

    def full(*args, **kwargs):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    model.forward = full
    assert not machine._fits(model, batch)


def test_the_config_of_published_weights_is_read_where_it_can_be(tmp_path):
    (tmp_path / "config.json").write_text(
        json.dumps(
            {
                "whisper_model": "openai/whisper-small",
                "post": {"DET_THRESHOLD": 0.7, "merge_gap": 99999, "min_dur": 0.25},
                "hidden": 384,
                "anything": [1],
            }
        )
    )
    assert published.settings(tmp_path) == {"threshold": 0.7, "min_dur": 0.25}
    assert published.encoder(tmp_path) == "openai/whisper-small"
    torch.save({}, tmp_path / "model.pt")
    assert models.card(tmp_path / "model.pt").settings["threshold"] == 0.7
    assert models.card(tmp_path / "model.pt").settings["merge_gap"] == 0.3
    (tmp_path / "config.json").write_text("no JSON")
    assert published.settings(tmp_path) == {} and published.encoder(tmp_path) is None


def test_an_encoder_of_128_bands_trains_and_runs(clips, tmp_path):
    from vbannotate.models.whisper import Encoder

    torch.manual_seed(3)
    own = Encoder(64, 1, 128, bands=128, positions=1500)
    arrays = {f"encoder.{name}": value.numpy() for name, value in own.state_dict().items()}
    checkpoint.write_safetensors(tmp_path / "large.safetensors", arrays, {})
    outcome = training.train(plan(tmp_path / "large.safetensors", clips, tmp_path / "out", "full"), QUIET)
    output.write(outcome, tmp_path / "out", [])
    samples = data.sound(clips / "val" / "0.wav")[: round(WINDOW * 16_000)]
    with torch.inference_mode():
        expected = outcome.network(torch.from_numpy(log_mel(samples, 128))[None])["logits"]
    found = probabilities(tmp_path / "out", samples)
    assert np.abs(found - torch.sigmoid(expected)[0].numpy()).max() < 1e-5


def test_mel_of_128_bands_equals_the_extractor_of_transformers():
    from transformers import WhisperFeatureExtractor

    noise = (np.random.default_rng(7).standard_normal(480_000) * 0.1).astype(np.float32)
    extract = WhisperFeatureExtractor(feature_size=128)
    expected = extract(noise, sampling_rate=16_000, return_tensors="np").input_features[0]
    assert np.abs(log_mel(noise, 128) - expected).max() < 1e-4
