"""Checkpoints read without torch: equal to torch's own reading, safe, and with messages that mend."""

import json
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from vbannotate.errors import ModelError
from vbannotate.models import checkpoint


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def test_torch_files_are_read_as_torch_reads_them(torch, tmp_path):
    base = torch.arange(24, dtype=torch.float32)
    state = {
        "plain": base.reshape(4, 6),
        "shared": base[3:9],  # one storage, several tensors
        "turned": base.reshape(4, 6).T,
        "half": torch.randn(3, 5).half(),
        "brain": torch.randn(3, 5).bfloat16(),
        "whole": torch.tensor([1, -2]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.randn(2)),
    }
    path = tmp_path / "模型.pt"
    torch.save(state, path)
    found = checkpoint.read(path)
    assert list(found) == list(state)
    for name, tensor in state.items():
        assert found[name].shape == tuple(tensor.shape)
        assert np.array_equal(found[name], tensor.detach().float().numpy()), name


def test_module_state_with_its_metadata(torch, tmp_path):
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "m.pt")  # an OrderedDict with an attribute
    assert set(checkpoint.read(tmp_path / "m.pt")) == {"weight", "bias"}


def test_safetensors_both_ways(tmp_path):
    tensors = {"b.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.ones(3, np.float16)}
    path = tmp_path / "m.safetensors"
    checkpoint.write_safetensors(path, tensors, {"licence": "MIT"})
    found = checkpoint.read(path)
    for name, tensor in tensors.items():
        assert np.array_equal(found[name], tensor) and found[name].dtype == tensor.dtype
    safetensors = pytest.importorskip("safetensors.numpy")
    theirs = safetensors.load_file(path)
    assert all(np.array_equal(theirs[name], tensor) for name, tensor in tensors.items())
    safetensors.save_file(tensors, tmp_path / "theirs.safetensors")
    assert np.array_equal(checkpoint.read(tmp_path / "theirs.safetensors")["b.weight"], tensors["b.weight"])


class Evil:
    def __reduce__(self):
        return os.system, ("touch pwned",)


def zipped(path, pickled):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", pickled)


def test_pickled_code_is_refused_and_does_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    zipped(tmp_path / "m.pt", pickle.dumps({"w": Evil()}))
    with pytest.raises(ModelError, match=r"needs pickled code \((posix|nt)\.system\).*; use a checkpoint"):
        checkpoint.read(tmp_path / "m.pt")
    assert not (tmp_path / "pwned").exists()


def test_a_whole_module_is_refused(torch, tmp_path):
    torch.save(torch.nn.Linear(2, 3), tmp_path / "m.pt")
    with pytest.raises(ModelError, match="needs pickled code"):
        checkpoint.read(tmp_path / "m.pt")


def test_more_than_weights_is_refused(torch, tmp_path):
    torch.save({"epoch": 3, "state": {"w": torch.ones(2)}}, tmp_path / "m.pt")
    with pytest.raises(ModelError, match="more than a state_dict; save only the weights"):
        checkpoint.read(tmp_path / "m.pt")


@pytest.mark.parametrize("kept", [200, 1000, 3000])
def test_a_cut_file_is_damaged(torch, tmp_path, kept):
    path = tmp_path / "m.pt"
    torch.save({"w": torch.randn(1000)}, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelError, match=r"is damaged .*; fetch it again"):
        checkpoint.read(path)


def test_a_cut_safetensors_file_is_damaged(tmp_path):
    path = tmp_path / "m.safetensors"
    checkpoint.write_safetensors(path, {"w": np.zeros(100, np.float32)}, {})
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ModelError, match=r"is damaged .*; fetch it again"):
        checkpoint.read(path)
    text = json.dumps({"w": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"abcd")
    with pytest.raises(ModelError, match="is damaged"):
        checkpoint.read(path)


def test_a_tensor_may_not_reach_out_of_its_storage(torch, tmp_path):
    path = tmp_path / "m.pt"
    torch.save({"w": torch.ones(4)}, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in members if name.endswith("data.pkl"))
    assert members[name].count(b"K\x04\x85") == 1  # the shape (4,)
    members[name] = members[name].replace(b"K\x04\x85", b"K\x7f\x85")
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    with pytest.raises(ModelError, match="outside its storage"):
        checkpoint.read(path)


def test_other_files_are_named(tmp_path):
    (tmp_path / "m.pt").write_bytes(b"not a model at all")
    with pytest.raises(ModelError, match="neither a safetensors file nor"):
        checkpoint.read(tmp_path / "m.pt")
    with pytest.raises(ModelError, match="no model file"):
        checkpoint.read(tmp_path / "none.pt")
    zipped(tmp_path / "z.pt", b"")
    with pytest.raises(ModelError, match="is damaged"):
        checkpoint.read(tmp_path / "z.pt")


def test_real_encoder_equals_the_safetensors_package(shared):
    safetensors = pytest.importorskip("safetensors.numpy")
    path = shared / "models" / "whisper-tiny-encoder.safetensors"
    ours, theirs = checkpoint.read(path), safetensors.load_file(path)
    assert set(ours) == set(theirs) and len(ours) == 67
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
