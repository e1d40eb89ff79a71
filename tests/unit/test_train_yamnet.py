"""YAMNet beside the encoder: its file, its spectrogram from Whisper's, the joining, the file of both."""

import numpy as np
import pytest

for _needed in ("scipy", "onnx", "safetensors"):
    pytest.importorskip(_needed, reason="the train extra is not installed")
torch = pytest.importorskip("torch", reason="the train extra is not installed")

from vbannotate.decode import Settings  # noqa: E402
from vbannotate.errors import UsageError  # noqa: E402
from vbannotate.models.mel import log_mel  # noqa: E402
from vbannotate.models.whisper import Encoder  # noqa: E402
from vbannotate.train import export, joined, pipeline, small, yamnet  # noqa: E402
from vbannotate.train.adapt import graph, torch_ops  # noqa: E402
from vbannotate.train.features import FRAMES, KINDS, TAPS, packed_mel  # noqa: E402
from vbannotate.train.head import Detector, Ears, Head  # noqa: E402
from vbannotate.train.yamnet import Yamnet  # noqa: E402

WIDTH = 64
RATE = 16_000


def sounds(count, seconds=1.0):
    """Noise in bands that come and go."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        noise = rng.standard_normal(round(seconds * RATE))
        spectrum = np.fft.rfft(noise) * np.interp(
            np.arange(len(noise) // 2 + 1), np.linspace(0, len(noise) // 2, 9), rng.uniform(0, 1, 9)
        )
        made.append((0.1 * np.fft.irfft(spectrum)).astype(np.float32))
    return made


def filters():
    """64 triangles of HTK's mel, on 257 frequencies."""
    mels = 1127 * np.log1p(np.linspace(0, RATE / 2, 257) / 700)
    edges = np.linspace(*(1127 * np.log1p(np.array([125, 7500]) / 700)), 66)
    slopes = (mels - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falls = (edges[2:, None] - mels) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(slopes, falls)).astype(np.float32)


@pytest.fixture
def stored():
    """Tensors as the file names and lays them out: channels last, a depthwise kernel's count in front."""
    rng = np.random.default_rng(1)
    made = [("yamnet_frames/layer1/conv/Conv2D", rng.normal(0, 0.3, (32, 3, 3, 1)))]
    made.append(("yamnet_frames/layer1/conv/bn/FusedBatchNormV3", rng.normal(0, 0.1, 32)))
    before = 32
    for number, (channels, _) in yamnet.LAYERS.items():
        name = f"yamnet_frames/layer{number}"
        made.append((f"{name}/depthwise_conv/bn/FusedBatchNormV3", rng.normal(0, 0.1, before)))
        made.append((f"{name}/depthwise_conv/depthwise", rng.normal(0, 0.3, (1, 3, 3, before))))
        made.append((f"{name}/pointwise_conv/Conv2D", rng.normal(0, 0.1, (channels, 1, 1, before))))
        made.append((f"{name}/pointwise_conv/bn/FusedBatchNormV3", rng.normal(0, 0.1, channels)))
        before = channels
    made.append(("yamnet_frames/tf_op_layer_MatMul_2/MatMul_2", filters()))
    made.append(("yamnet_frames/dense/MatMul", rng.normal(0, 0.1, (521, before))))
    return [(name, tensor.astype(np.float32)) for name, tensor in made]


@pytest.fixture
def ears(stored, monkeypatch, tmp_path):
    monkeypatch.setattr(yamnet, "_tensors", lambda path: stored)
    torch.manual_seed(0)
    return yamnet.from_file(tmp_path / "yamnet.tflite", sounds(6), WIDTH, lambda line: None)


def test_a_file_s_tensors_find_their_places(ears, stored):
    named = dict(stored)
    layer = ears.layers[5 - min(yamnet.LAYERS)]
    depthwise = named["yamnet_frames/layer5/depthwise_conv/depthwise"]
    assert layer.depthwise.weight[7, 0, 2, 1] == depthwise[0, 2, 1, 7]
    pointwise = named["yamnet_frames/layer5/pointwise_conv/Conv2D"]
    assert layer.pointwise.weight[9, 3, 0, 0] == pointwise[9, 0, 0, 3]
    assert ears.first.weight[4, 0, 1, 2] == named["yamnet_frames/layer1/conv/Conv2D"][4, 1, 2, 0]
    assert layer.depthwise.stride == (2, 2) and layer.padding == (0, 1, 0, 1)  # as TensorFlow pads


def test_the_last_layer_is_read_by_its_own_answers_and_all_are_level(ears, stored):
    answers = dict(stored)["yamnet_frames/dense/MatMul"]
    read = ears.read[-1].weight[:, :, 0]  # [channels, inputs, bands]
    each = WIDTH // len(yamnet.READ)
    assert read.shape == (each, 1024, yamnet.READ[14])
    for channel in range(each):
        assert np.corrcoef(read[channel, :, 1].detach(), answers[channel])[0, 1] > 0.9999
    with torch.inference_mode():
        heard = torch.cat([ears(torch.from_numpy(log_mel(sound))[None])[0, :50] for sound in sounds(6)])
    deviation, mean = torch.std_mean(heard, dim=0)
    assert mean.abs().max() < 1e-2
    assert (deviation - 1).abs().max() < 1e-2


def test_its_spectrogram_is_nearly_its_own(ears):
    (sound,) = sounds(1, seconds=2.0)
    with torch.inference_mode():
        found = ears.spectrum(torch.from_numpy(log_mel(sound))[None])[0].numpy()
    wanted = yamnet._spectrum(sound, filters())
    assert found.shape == wanted.shape == (200, 64)
    assert np.abs(found - wanted).mean() < 0.4  # of a range of ten; a frame's own noise is most of it
    assert abs((found - wanted).mean()) < 0.15


def test_another_file_is_refused_in_one_line(tmp_path):
    pytest.importorskip("ai_edge_litert", reason="only who trains base anew has it")
    (tmp_path / "other.tflite").write_bytes(b"TFL3")
    with pytest.raises(UsageError, match=r"other\.tflite is not the yamnet\.tflite"):
        yamnet._tensors(tmp_path / "other.tflite")


@pytest.fixture
def parts(ears):
    torch.manual_seed(2)
    return Encoder(WIDTH, 4, 128, positions=FRAMES).eval(), Head(WIDTH, 2, 16, len(KINDS)).eval(), ears


def mels(count):
    return np.random.default_rng(3).normal(0, 0.2, (count, 80, 2 * FRAMES)).astype(np.float32)


def test_joining_alone_changes_nothing(parts):
    encoder, head, ears = parts
    both = joined.join(encoder, head, ears).eval()
    mel = torch.from_numpy(mels(2))
    with torch.inference_mode():
        assert ears(mel).shape == (2, FRAMES, WIDTH)
        alone = Detector(Ears(encoder, TAPS), head)(mel)
        torch.testing.assert_close(both(mel), alone, atol=1e-5, rtol=1e-5)


def test_the_encoder_and_the_early_layers_stay_as_they_are(parts, tmp_path):
    target = np.zeros((16, FRAMES), np.uint8)
    target[:, 100:160] = 1
    np.save(tmp_path / "0000.npy", np.zeros((16, FRAMES, 0), np.float16))
    np.save(tmp_path / "0000.mel.npy", packed_mel(mels(16)))
    weight = np.ones(target.shape, np.float16)
    np.savez(tmp_path / "0000.npz", target=target, kind=3 * target, weight=weight)
    both = joined.join(*parts)
    before = {k: v.clone() for k, v in both.state_dict().items()}
    plan = joined.JoinedPlan(epochs=1, batch=8, kept=0.5)
    joined.tune(both, small.Mels([tmp_path]), plan, plan, lambda line: None)
    changed = {k for k, v in both.state_dict().items() if not torch.equal(v, before[k])}
    early = plan.first - min(yamnet.LAYERS)
    still = ("ears.encoder.", "ears.yamnet.bands", "ears.yamnet.first.")
    still += tuple(f"ears.yamnet.layers.{number}." for number in range(early))
    assert changed and not any(key.startswith(still) for key in changed)
    assert f"ears.yamnet.layers.{early}.depthwise.weight" in changed
    assert {"ears.yamnet.read.0.weight", "head.project.weight", "head.out.weight"} <= changed


def test_both_are_one_file_and_its_head_can_be_adapted(parts, tmp_path):
    from vbannotate import models

    both = joined.join(*parts).eval()
    torch.nn.init.normal_(both.head.project.weight, std=0.1)
    chosen = {"balanced": Settings().to_dict(), pipeline.PULSES: Settings().to_dict()}
    export.write(both, tmp_path, pipeline.config("base", chosen))
    locator = models.load(tmp_path, device="cpu", backend="onnx")
    (sound,) = sounds(1, seconds=10.0)
    with torch.inference_mode():
        ours = both(torch.from_numpy(log_mel(sound))[None])[0, :, 0].numpy()
    (found,) = locator.scores([sound])
    assert np.abs(found[:, 0] - ours).max() < 5e-3
    split = graph.split(tmp_path / "model.onnx")
    assert all(name.startswith("head.") or "MatMul" in name for name in split.tensors)
    import onnxruntime

    below = onnxruntime.InferenceSession(split.below(), providers=["CPUExecutionProvider"])
    values = [torch.from_numpy(v) for v in below.run(None, {"mel": log_mel(sound)[None]})]
    module = torch_ops.HeadModule(split, [v.shape[-1] for v in values], values[0].ndim == 2)
    with torch.inference_mode():
        again = module(torch.cat(values, dim=2))[0, :, 0].numpy()
    assert np.abs(again - found[:, 0]).max() < 1e-4
    assert isinstance(both.ears.yamnet, Yamnet)
