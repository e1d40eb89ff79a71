"""A run that is killed anywhere goes on to the same curve and the same weights."""

# ruff: noqa: E402 - the skips come first
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft", reason="the train extra is not installed")
pytest.importorskip("accelerate", reason="the train extra is not installed")

import soundfile

from vbannotate.errors import UsageError, WouldOverwriteError
from vbannotate.models import checkpoint
from vbannotate.models.whisper import Encoder
from vbannotate.train.locator import checkpoints, options, output, training

QUIET = training.Report(lambda line: None)
EPOCHS, STEPS = 3, 3  # an epoch has three steps of four windows


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A tiny encoder and recordings of noise, some with a louder second."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("material")
    arrays = {f"encoder.{name}": t.numpy() for name, t in Encoder(64, 1, 128).state_dict().items()}
    checkpoint.write_safetensors(root / "encoder.safetensors", arrays, {})
    rng = np.random.default_rng(0)
    for half, count in (("train", 12), ("val", 2)):
        (root / "data" / half).mkdir(parents=True)
        for k in range(count):
            sound = 0.01 * rng.standard_normal(24_000).astype(np.float32)
            events = [{"start_time": 0.3, "end_time": 1.3}] if k % 2 else []
            sound[4_800:20_800] *= 30 if events else 1
            soundfile.write(root / "data" / half / f"{k}.wav", sound, 16_000)
            (root / "data" / half / f"{k}.json").write_text(
                json.dumps({"events": events, "duration_sec": 1.5})
            )
    return root


def plan(material, out, resume="none", mode="lora", epochs=EPOCHS, save_steps=2, **changes):
    given = {
        "data_dir": str(material / "data"), "out_dir": str(out), "epochs": epochs, "max_bsz": 4, "lr": 1e-3,
        "resume_mode": resume, **changes,
    }  # fmt: skip
    return training.Run(
        options.resolve(given, {}, None, mode), str(material / "encoder.safetensors"), window_s=1.5,
        device="cpu", save_steps=save_steps, cache=material / "cache",
    )  # fmt: skip


class Kill(BaseException):
    """Nothing in the code under test may catch this."""


class KillAt(transformers.TrainerCallback):
    """Ends the run at a moment of a step: after it, between checkpoint and its mark, or before the log."""

    def __init__(self, moment, step):
        self.moment, self.step = moment, step

    def _at(self, moment, state):
        if (moment, state.global_step) == (self.moment, self.step):
            raise Kill

    def on_step_end(self, args, state, control, **_):
        self._at("step", state)

    def on_log(self, args, state, control, **_):
        self._at("log", state)

    def on_save(self, args, state, control, **_):
        self._at("save", state)

    def on_evaluate(self, args, state, control, **_):
        self._at("evaluate", state)


@pytest.fixture(scope="module")
def whole(material, tmp_path_factory):
    """Runs that nothing disturbs."""
    root = tmp_path_factory.mktemp("whole")
    return {
        m: (root / m, training.train(plan(material, root / m, mode=m), QUIET)) for m in ("lora", "frozen")
    }


def test_the_whole_run_learns_something(whole):
    _, outcome = whole["lora"]
    losses = [entry["loss"] for entry in outcome.log if "loss" in entry]
    assert len(losses) == EPOCHS * STEPS and len(set(losses)) == len(losses)


@pytest.mark.parametrize(
    ("moment", "step", "mode"),
    [
        ("step", 1, "lora"),
        ("step", 5, "lora"),
        ("step", 5, "frozen"),
        ("log", 4, "lora"),
        ("save", 4, "lora"),
        ("save", 6, "lora"),
        ("evaluate", 6, "lora"),
        ("step", 9, "lora"),
    ],
)
def test_a_killed_run_goes_on_to_the_same_curve_and_weights(whole, material, tmp_path, moment, step, mode):
    out, expected = whole[mode]
    run = plan(material, tmp_path / "run", "latest", mode)
    killer = KillAt(moment, step)
    with pytest.raises(Kill):
        training.train(run, QUIET, [killer])  # before the keeper: a checkpoint stays without its mark
    if moment == "save":
        assert (tmp_path / "run" / "checkpoints" / f"checkpoint-{step}").is_dir()
        assert step not in checkpoints.whole(tmp_path / "run")
    outcome = training.train(run, QUIET)
    assert outcome.log == expected.log
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == (out / "log.jsonl").read_bytes()
    mine, theirs = outcome.network.state_dict(), expected.network.state_dict()
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert outcome.best_epoch == expected.best_epoch


def test_a_run_that_is_done_is_only_written_again(whole, material):
    out, expected = whole["frozen"]
    outcome = training.train(plan(material, out, "latest", "frozen"), QUIET)
    assert outcome.log == expected.log


def test_more_epochs_go_on(material, tmp_path):
    training.train(plan(material, tmp_path / "run", mode="frozen", epochs=1), QUIET)
    outcome = training.train(plan(material, tmp_path / "run", "latest", "frozen", epochs=2), QUIET)
    assert [entry["step"] for entry in outcome.log if "loss" in entry] == [1, 2, 3, 4, 5, 6]


def test_best_goes_back_to_the_best(material, tmp_path):
    out = tmp_path / "run"
    training.train(plan(material, out, mode="frozen", epochs=2), QUIET)
    last = checkpoints.whole(out)[2 * STEPS]
    state = json.loads((last / "trainer_state.json").read_text())
    assert checkpoints.start(out, "best").name == f"checkpoint-{state['best_global_step']}"
    assert max(checkpoints.whole(out)) == state["best_global_step"]


def test_nothing_is_overwritten_and_nothing_mixed(material, tmp_path):
    out = tmp_path / "run"
    training.train(plan(material, out, mode="frozen", epochs=1), QUIET)
    with pytest.raises(WouldOverwriteError, match="holds a run; give --resume latest"):
        training.train(plan(material, out, mode="frozen"), QUIET)
    with pytest.raises(UsageError, match=r"begun with lr 0\.001, not 0\.5; go on with the same"):
        training.train(plan(material, out, "latest", "frozen", lr=0.5), QUIET)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    for resume in ("none", "latest"):
        with pytest.raises(WouldOverwriteError, match="is not empty and holds no run"):
            training.train(plan(material, tmp_path / "other", resume, "frozen"), QUIET)


def test_a_process_that_is_killed_hard(material, tmp_path):
    """Against a process that nobody kills: sums may differ in their last bits from those made in here."""
    command = [
        sys.executable, "-m", "vbannotate", "train", "detector", "--data", str(material / "data"),
        "--encoder", str(material / "encoder.safetensors"), "--window", "1.5",
        "--epochs", str(EPOCHS), "--max-batch", "4", "--lr", "1e-3", "--mode", "lora", "--save-steps", "2",
        "--device", "cpu", "--resume", "latest", "--cache", str(material / "cache"), "--quiet", "-o",
    ]  # fmt: skip
    killed, undisturbed = ([*command, str(tmp_path / name)] for name in ("run", "undisturbed"))
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    subprocess.run(undisturbed, env=environment, check=True, timeout=300)
    with subprocess.Popen(killed, env=environment) as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / "run" / "checkpoints" / "checkpoint-2").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    subprocess.run(killed, env=environment, check=True, timeout=300)
    logs = [(tmp_path / name / "log.jsonl").read_bytes() for name in ("run", "undisturbed")]
    assert logs[0] == logs[1]
    assert output.HEAD.name in {path.name for path in (tmp_path / "run" / "head").iterdir()}
