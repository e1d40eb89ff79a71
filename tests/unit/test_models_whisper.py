"""The torch encoder against transformers, and on the real encoders where they are at hand."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.unit.test_models_mel import chirp  # noqa: E402
from vbannotate.errors import ModelError  # noqa: E402
from vbannotate.models.mel import log_mel  # noqa: E402
from vbannotate.models.whisper import Encoder  # noqa: E402


@pytest.fixture(scope="module")
def published():
    """A small random encoder of transformers."""
    transformers = pytest.importorskip("transformers")
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        d_model=128, encoder_layers=3, encoder_attention_heads=2, encoder_ffn_dim=512, decoder_layers=1
    )
    return WhisperEncoder(config).eval()


def mels(frames: int = 3000) -> "torch.Tensor":
    return torch.from_numpy(np.random.default_rng(3).standard_normal((2, 80, frames)).astype(np.float32))


def test_equals_transformers(published):
    encoder = Encoder.from_tensors(published.state_dict(), prefix="").eval()
    with torch.inference_mode():
        expected = published(mels(), output_hidden_states=True)
        states = encoder.states(mels(), [0, 1, 2])
        assert torch.allclose(encoder(mels()), expected.last_hidden_state, atol=1e-6)
    for ours, theirs in zip(states, expected.hidden_states, strict=False):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_cut_and_short(published):
    tensors = {f"x.{name}": tensor for name, tensor in published.state_dict().items()}
    encoder = Encoder.from_tensors(tensors, prefix="x.", layers=2).eval()
    whole = Encoder.from_tensors(tensors, prefix="x.").eval()
    with torch.inference_mode():
        assert torch.equal(encoder.states(mels(1000), [2])[0], whole.states(mels(1000), [2])[0])
        assert encoder(mels(1000)).shape == (2, 500, 128)


def test_half_precision_storage_is_computed_in_float32(published):
    halves = {name: tensor.half() for name, tensor in published.state_dict().items()}
    assert {p.dtype for p in Encoder.from_tensors(halves, prefix="").parameters()} == {torch.float32}


def test_missing_or_wrong_tensors_are_named(published):
    tensors = dict(published.state_dict())
    with pytest.raises(ModelError, match=r"^0 Whisper encoder layers under .*; give a file .* conv1, conv2"):
        Encoder.from_tensors(tensors, prefix="model.")
    with pytest.raises(ModelError, match=r"^3 Whisper encoder layers .*, 4 wanted"):
        Encoder.from_tensors(tensors, prefix="", layers=4)
    del tensors["layers.1.fc2.bias"]
    with pytest.raises(ModelError, match=r"layers\.1\.fc2\.bias.*check that the file is whole"):
        Encoder.from_tensors(tensors, prefix="")


@pytest.mark.parametrize(
    ("name", "mean", "std", "h100", "h1400"),
    [
        (
            "base",
            -0.019648,
            1.421691,
            [-0.2530, 0.7181, -0.6754, 0.3348],
            [-0.6868, -1.0211, 0.3892, -0.6426],
        ),
        (
            "tiny",
            -0.030468,
            1.059516,
            [-0.1730, 0.3034, 0.0765, -0.3561],
            [0.1602, -0.0815, -2.4837, -0.4762],
        ),
    ],
)
def test_real_encoders_give_the_reference_numbers(shared, name, mean, std, h100, h1400):
    encoder = Encoder.from_file(shared / "models" / f"whisper-{name}-encoder.safetensors").eval()
    with torch.inference_mode():
        states = encoder(torch.from_numpy(log_mel(chirp()))[None])[0]
    assert (states.mean().item(), states.std().item()) == pytest.approx((mean, std), abs=1e-4)
    assert states[100, :4].tolist() == pytest.approx(h100, abs=2e-3)
    assert states[1400, :4].tolist() == pytest.approx(h1400, abs=2e-3)
