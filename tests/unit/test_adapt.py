"""A head fitted to corrections: what changes and what does not, when it is refused, what is read."""

import json
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
import soundfile

for _needed in ("onnx", "scipy"):
    pytest.importorskip(_needed, reason="the train extra is not installed")
torch = pytest.importorskip("torch", reason="the train extra is not installed")

import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402
from torch import nn  # noqa: E402

from vbannotate import Annotation, Event, Span, detect, formats, models  # noqa: E402
from vbannotate.decode import Settings  # noqa: E402
from vbannotate.errors import ModelError, UsageError, WouldOverwriteError  # noqa: E402
from vbannotate.models.base import Card  # noqa: E402
from vbannotate.models.mel import log_mel  # noqa: E402
from vbannotate.train import export  # noqa: E402
from vbannotate.train.adapt import Options, adapt, fit, graph, inputs, point, states, targets, work  # noqa: E402
from vbannotate.train.adapt.decide import decide  # noqa: E402
from vbannotate.train.adapt.torch_ops import HeadModule  # noqa: E402
from vbannotate.train.judge import Counts  # noqa: E402
from vbannotate.tune import Recording  # noqa: E402

RATE, WIDTH = 16_000, 32
QUICK = {"rate": 1e-2, "pull": 1e-4, "least": 60, "batch": 4}


class ToyHead(nn.Module):
    """All that our heads are made of, small."""

    def __init__(self, columns):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH // 2), nn.LayerNorm(WIDTH // 2)])
        self.project = nn.Linear(WIDTH, 48)
        self.context = nn.Linear(48, 48)
        self.mix = nn.Conv1d(48, 48, 5, padding=4, dilation=2)
        self.out = nn.Linear(48, columns)

    def forward(self, x):
        parts = x.chunk(2, dim=2)
        x = torch.cat([norm(part) for norm, part in zip(self.norms, parts, strict=True)], dim=2)
        x = nn.functional.gelu(self.project(x)).transpose(1, 2)
        x = x + nn.functional.gelu(self.context(x.mean(dim=2)))[..., None]
        return self.out((x + nn.functional.gelu(self.mix(x))).transpose(1, 2))


class Toy(nn.Module):
    """Log-mel [batch, 80, 1000] -> probabilities [batch, 500, columns]; it says "never" of everything."""

    def __init__(self, columns):
        super().__init__()
        self.below = nn.Linear(80, WIDTH)
        self.head = ToyHead(columns)
        with torch.no_grad():
            self.head.out.bias.fill_(-4.0)

    def forward(self, mel):
        x = nn.functional.avg_pool1d(mel, 2).transpose(1, 2)
        logits = self.head(torch.tanh(self.below(x)))
        if logits.shape[2] < 3:
            return torch.sigmoid(logits)
        return torch.cat([torch.sigmoid(logits[..., :2]), torch.softmax(logits[..., 2:], dim=-1)], dim=-1)


def toy(folder, columns=1, **config):
    torch.manual_seed(1)
    about = {"family": "locator", "name": "toy", "version": "3", "window_s": 10.0, "overlap_s": 2.0,
             "settings": {"threshold": 0.5, "merge_gap": 0.2, "min_dur": 0.1}, "licence": "MIT"}  # fmt: skip
    export.write(Toy(columns).eval(), folder, about | config)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return toy(tmp_path_factory.mktemp("models") / "toy")


def recording(path, tones, seconds=10.0, seed=0):
    """Faint noise with a tone in each of `tones`."""
    rng = np.random.default_rng(seed)
    sound = 0.003 * rng.standard_normal(round(seconds * RATE))
    t = np.arange(len(sound)) / RATE
    for start, end in tones:
        sound += 0.3 * np.sin(2 * np.pi * 900 * t) * ((t >= start) & (t < end))
    soundfile.write(path, sound.astype(np.float32), RATE)


def corrected(folder, count=8, labels=None):
    """Recordings with two tones each and label files that name them, or other spans if `labels` says so."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    for k in range(count):
        tones = [(a, a + float(rng.uniform(0.4, 1.2))) for a in (rng.uniform(1, 3.5), rng.uniform(5.5, 8.5))]
        recording(folder / f"r{k}.wav", tones, seed=k)
        spans = labels(rng) if labels else tones
        formats.write(Annotation.of([Event(*span) for span in spans]), folder / f"r{k}.txt")
    return folder


def test_kinds_are_learned_beside_the_curves(tmp_path):
    more = {"granularities": ["event", "pulse"], "kinds": ["laugh", "cough"], "pulse": {"merge_gap": 0.1}}
    old = toy(tmp_path / "toy", 4, **more)
    folder = tmp_path / "mine"
    folder.mkdir()
    for k in range(6):
        recording(folder / f"r{k}.wav", [(1 + k / 5, 2 + k / 5), (6, 7)], seed=k)
        events = [Event(1 + k / 5, 2 + k / 5, "cough"), Event(6, 7, "cough")]
        formats.write(Annotation.of(events), folder / f"r{k}.txt")
    asked = Options(old, granularity="pulse", cache=tmp_path / "cache", changes=QUICK)
    assert adapt(folder, tmp_path / "new", asked, lambda line: None).better
    sound = soundfile.read(folder / "r0.wav", dtype="float32")[0]
    for level in ("event", "pulse"):
        locator = models.load(tmp_path / "new", "cpu", granularity=level).naming()
        found = np.concatenate([*locator.scores([sound])])
        assert found[75, 0] > 0.5 > found[225, 0] and found[75, 2] > 0.8  # a cough, by its share
    before = np.concatenate([*models.load(old, "cpu").naming().scores([sound])])
    assert np.abs(before[75, 1:].sum() - 1) < 1e-3 and before[75, 0] < 0.2


@pytest.fixture(scope="module")
def adapted(model, tmp_path_factory):
    """The outcome of a good set of corrections, and the folder that was written."""
    place = tmp_path_factory.mktemp("adapted")
    folder = corrected(place / "mine")
    asked = Options(model, cache=place / "cache", changes=QUICK)
    said = []
    return adapt(folder, place / "better", asked, said.append), place, said


def tensors(path):
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


def test_corrections_in_better_head_out(adapted):
    outcome, place, said = adapted
    assert outcome.better and outcome.answer().startswith("better: F1 0.000 -> ")
    assert sum(outcome.after, Counts()).f1 > 0.8 and len(outcome.after) == 8
    config = json.loads((place / "better" / "config.json").read_text())
    assert config["adapted"]["model"] == "toy 3" and config["adapted"]["recordings"] == 8
    assert config["licence"] == "MIT" and config["window_s"] == 10
    assert (
        "r0"
        not in (place / "better" / "config.json").read_text() + (place / "better" / "README.md").read_text()
    )
    assert "fold 5 of 5" in " ".join(said) and any("no base data" in line for line in said)


def test_settings_move_with_the_head(tmp_path):
    """A head that finds everything at 0.8 is no worse than one that does at 0.999: its peak is another."""
    strict = {"threshold": 0.5, "merge_gap": 0.2, "min_dur": 0.1, "peak": 0.995}
    old = toy(tmp_path / "toy", settings=strict, presets={"recall": strict | {"peak": 0.9}})
    folder = corrected(tmp_path / "mine")
    asked = Options(old, cache=tmp_path / "cache", changes=QUICK | {"least": 6, "epochs": 1})
    outcome = adapt(folder, tmp_path / "new", asked, lambda line: None)
    assert outcome.better, outcome.answer()
    assert "; peak 0.995 -> " in outcome.answer()
    card = models.card(tmp_path / "new")
    before, after = outcome.to_dict()["changed"]["peak"]
    assert before == 0.995 > after == card.settings["peak"]
    assert card.presets["recall"]["peak"] < 0.9 and card.settings["merge_gap"] == 0.2
    found = [len(detect(path, model=str(tmp_path / "new")).events) for path in sorted(folder.glob("*.wav"))]
    assert np.mean(found) > 1.5  # of two each


def test_the_other_settings_of_a_model_move_as_far():
    config = {
        "settings": {"threshold": 0.5, "peak": 0.9, "merge_gap": 0.4},
        "pulse": {"threshold": 0.8, "peak": 0.9},
        "presets": {
            "recall": {"threshold": 0.5, "peak": None},
            "precision": {"threshold": 0.75, "peak": 1.0},
        },
    }
    old, new = Settings(0.5, 0.4, peak=0.9), Settings(0.75, 0.4, peak=0.75)
    assert point.moved(config, "event", None, old, new) == {  # odds of thresholds x 3, of peaks / 3
        "settings": {"threshold": 0.75, "peak": 0.75, "merge_gap": 0.4},
        "pulse": {"threshold": 0.8, "peak": 0.75},
        "presets": {
            "recall": {"threshold": 0.75, "peak": None},
            "precision": {"threshold": 0.9, "peak": 1.0},
        },
    }
    old = Settings(0.8, peak=0.9)
    single = point.moved(config, "pulse", None, old, Settings(0.6, peak=0.9))
    assert single == config | {"pulse": {"threshold": 0.6, "peak": 0.9}}
    assert point.moved({"settings": {}}, "event", None, Settings(), Settings(0.6)) == {
        "settings": {"threshold": 0.6}
    }
    strict = point.moved(config, "event", "precision", Settings(0.75, peak=1.0), Settings(0.8, peak=0.95))
    assert strict["presets"]["precision"] == {"threshold": 0.8, "peak": 0.95}


def test_settings_are_chosen_for_the_curves_of_a_head():
    def one(height, reference):
        curve = np.full(100, 0.1, np.float32)
        curve[20:40] = height
        return Recording("x", curve, reference, 20_000)

    said, current = (Event(0.4, 0.8),), Settings(0.5, 0.1, 0.1, peak=0.97)
    kept = point.choose([[one(0.99, said), one(0.6, ())]], current)
    assert kept == current  # nothing is won by another
    lower = point.choose([[one(0.9, said), one(0.92, said), one(0.6, ())]], current)
    assert 0.6 < lower.peak <= 0.9 and lower.threshold == 0.5
    assert point.choose([[one(0.4, said)]], Settings(0.5, 0.1, 0.1)).peak is None  # none before, none after


def test_nothing_but_the_head_changes(adapted, model):
    _, place, _ = adapted
    before, after = tensors(model / "model.onnx"), tensors(place / "better" / "model.onnx")
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name].tobytes() != after[name].tobytes()}
    below = {name for name in before if name.startswith("below")}
    head = graph.split(model / "model.onnx").tensors
    assert below and not changed & below
    assert changed == set(head.values())
    assert all(before[name].dtype == after[name].dtype for name in before)
    assert any(before[name].dtype == np.float16 for name in changed)
    nodes = [onnx.load(p / "model.onnx").graph.node for p in (model, place / "better")]
    assert nodes[0] == nodes[1]


def test_the_adapted_model_detects_without_torch(adapted, tmp_path):
    _, place, _ = adapted
    recording(tmp_path / "new.wav", [(2.0, 3.0), (6.0, 6.5)], seed=99)
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['onnx'] = None\n"
        "from vbannotate import detect\n"
        f"found = detect({str(tmp_path / 'new.wav')!r}, model={str(place / 'better')!r})\n"
        "print([(round(e.onset, 1), round(e.offset, 1)) for e in found.events])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.replace("(", "[").replace(")", "]"))
    assert np.abs(np.array(found) - [[2.0, 3.0], [6.0, 6.5]]).max() < 0.15


def test_states_are_computed_once(adapted, model, monkeypatch):
    _, place, _ = adapted
    monkeypatch.setattr(states.Encoder, "_compute", lambda *any: pytest.fail("computed again"))
    asked = Options(model, cache=place / "cache", changes={"least": 1, "epochs": 1})
    assert not adapt(place / "mine", place / "again", asked, lambda line: None).better
    assert not (place / "again").exists()


def test_random_labels_give_no_model(model, tmp_path):
    def anywhere(rng):
        starts = np.sort(rng.choice(19, 2, replace=False)) * 0.5
        return [(float(s), float(s) + 0.4) for s in starts]

    folder = corrected(tmp_path / "mine", 10, anywhere)
    asked = Options(model, cache=tmp_path / "cache", changes=QUICK)
    outcome = adapt(folder, tmp_path / "out", asked, lambda line: None)
    assert not outcome.better and outcome.answer().startswith("keep the model as it is: ")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_the_head_in_torch_is_the_head_in_the_file(model, tmp_path):
    parts = graph.split(model / "model.onnx")
    encoder = states.Encoder(parts.below(), models.card(model), tmp_path)
    assert encoder.widths == [WIDTH // 2, WIDTH // 2]
    recording(tmp_path / "x.wav", [(1, 2)])
    kept = encoder.states(tmp_path / "x.wav")
    head = HeadModule(parts, encoder.widths, encoder.flat)
    ours = fit.probabilities(head, kept.windows)
    import onnxruntime

    session = onnxruntime.InferenceSession(model / "model.onnx", providers=["CPUExecutionProvider"])
    sound = soundfile.read(tmp_path / "x.wav", dtype="float32")[0]
    theirs = session.run(None, {"mel": log_mel(sound)[None]})[0]
    assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 2e-3  # states are kept in float16


def test_a_model_of_the_published_layout_has_a_head_too(tmp_path):
    from vbannotate.models import locator

    rng = np.random.default_rng(0)

    def make(*shape):
        return (rng.standard_normal(shape) * 0.1).astype(np.float32)

    width, hidden = 64, 16
    layer = {
        **{f"self_attn.{p}_proj.weight": (width, width) for p in ("q", "k", "v", "out")},
        **{f"self_attn.{p}_proj.bias": (width,) for p in ("q", "v", "out")},
        **{f"self_attn_layer_norm.{p}": (width,) for p in ("weight", "bias")},
        **{f"final_layer_norm.{p}": (width,) for p in ("weight", "bias")},
        "fc1.weight": (128, width), "fc1.bias": (128,), "fc2.weight": (width, 128), "fc2.bias": (width,),
    }  # fmt: skip
    named = {f"encoder.layers.0.{name}": make(*shape) for name, shape in layer.items()}
    named |= {
        "encoder.conv1.weight": make(width, 80, 3), "encoder.conv1.bias": make(width),
        "encoder.conv2.weight": make(width, width, 3), "encoder.conv2.bias": make(width),
        "encoder.embed_positions.weight": make(1500, width),
        "encoder.layer_norm.weight": make(width), "encoder.layer_norm.bias": make(width),
        "proj.0.weight": make(hidden, width), "proj.0.bias": make(hidden),
        "temporal.0.weight": make(hidden, hidden, 7), "temporal.0.bias": make(hidden),
        "out.weight": make(1, hidden), "out.bias": make(1),
    }  # fmt: skip
    from safetensors.numpy import save_file

    save_file(named, tmp_path / "model.safetensors")
    taken = work.Work.of(tmp_path / "model.safetensors", "event", None, fit.Plan(), tmp_path, tmp_path, print)
    assert set(locator.HEAD) <= set(taken.split.tensors.values()) and taken.encoder.flat
    recording(tmp_path / "x.wav", [(1, 2)], seconds=35)
    kept = taken.encoder.states(tmp_path / "x.wav")
    assert kept.windows.shape == (2, 1500, width)
    ours = fit.probabilities(taken.head, kept.windows)
    curve = states.stitched(ours, kept.samples, taken.card.layout)
    sound = soundfile.read(tmp_path / "x.wav", dtype="float32")[0]
    theirs = np.concatenate([*models.load(tmp_path / "model.safetensors", "cpu").scores([sound])])
    assert np.abs(curve - theirs).max() < 2e-3


def test_a_model_without_a_head_of_ours_is_refused(tmp_path):
    folder = toy(tmp_path / "toy")
    whole = onnx.load(folder / "model.onnx")
    for node in whole.graph.node:
        node.name = node.name.replace("head", "top")
        for names in (node.input, node.output):
            names[:] = [name.replace("head.", "top.") for name in names]
    for tensor in whole.graph.initializer:
        tensor.name = tensor.name.replace("head.", "top.")
    onnx.save(whole, folder / "model.onnx")
    with pytest.raises(ModelError, match="no tensors head"):
        graph.split(folder / "model.onnx")


def test_what_is_asked_wrongly_is_refused(model, tmp_path):
    few = corrected(tmp_path / "few", 3)
    with pytest.raises(UsageError, match="too few"):
        adapt(few, tmp_path / "out", Options(model))
    with pytest.raises(WouldOverwriteError):
        adapt(few, few, Options(model))
    with pytest.raises(UsageError, match="no recordings"):
        adapt(model, tmp_path / "out", Options(model))
    nothing = corrected(tmp_path / "nothing", 4, lambda rng: [])
    with pytest.raises(UsageError, match="no events"):
        adapt(nothing, tmp_path / "out", Options(model))


def test_which_files_count_as_corrected(tmp_path):
    recording(tmp_path / "talk1.wav", [])
    recording(tmp_path / "talk10.wav", [])
    recording(tmp_path / "seen.wav", [])
    recording(tmp_path / "raw.wav", [])
    made = {"program": "vbannotate", "model": {"name": "base"}}
    predicted = Annotation.of([Event(1, 2, confidence=0.9)], duration_us=10_000_000, provenance=made)
    for name in ("seen", "raw"):
        formats.write(predicted, tmp_path / f"{name}.vb.json", "native")
    formats.write(predicted, tmp_path / "seen.txt")
    formats.write(Annotation.of([Event(3, 4)]), tmp_path / "talk1_anna.txt")
    formats.write(Annotation.of([Event(5, 6)]), tmp_path / "talk10.TextGrid")
    (tmp_path / "one").mkdir()
    recording(tmp_path / "one" / "a.wav", [])
    (tmp_path / "one" / "a.json").write_text(
        '{"events": [{"start_time": 1, "end_time": 2}], "duration_sec": 10}'
    )
    found, notes = inputs.read(tmp_path)
    events = {one.path.stem: [(e.onset, e.offset) for e in one.annotation.events] for one in found}
    assert events == {"talk1": [(3, 4)], "talk10": [(5, 6)], "seen": [(1, 2)], "a": [(1, 2)]}
    assert {one.path.stem: one.group for one in found}["a"] == "one"
    assert any("raw" in note and "nobody corrected" in note for note in notes)


def test_few_windows_with_events_are_not_drowned():
    places = [(k, 0) for k in range(50)]
    told = [k in (7, 31) for k in range(50)]
    drawn = list(islice(fit.in_turn(places, told, np.random.default_rng(1)), 96))
    assert sum(told[k] for k, _ in drawn) == 48
    assert {k for k, _ in drawn} == set(range(50))  # and none is left out
    assert len(list(islice(fit.in_turn(places, [False] * 50, np.random.default_rng(1)), 60))) == 60
    assert not list(fit.in_turn([], [], np.random.default_rng(1)))


def test_settings_are_chosen_on_enough_and_no_more():
    sizes = [3, 5, 2, 8, 4]
    ones = [work.Prepared(None, fit.Windows(np.zeros((n, 1, 1)), None, None, None), samples=n) for n in sizes]
    assert work.some(ones, 22, seed=1) == ones
    drawn = [one.samples for one in work.some(ones, 9, seed=1)]
    assert sum(drawn) >= 9 > sum(drawn[:-1]) and len(set(drawn)) == len(drawn)
    assert drawn == [one.samples for one in work.some(ones, 9, seed=1)]


def test_groups_are_never_split():
    groups = ["a", "a", "a", "b", "c", "c", "d", "e", "f", "g"]
    folds = work.dealt(groups, 5, seed=3)
    assert sorted(k for fold in folds for k in fold) == list(range(10)) and len(folds) == 5
    for name in set(groups):
        assert sum(any(groups[k] == name for k in fold) for fold in folds) == 1
    assert len(work.dealt(["a", "b", "b"], 5, 0)) == 2


def test_targets_say_what_the_annotation_says():
    card = Card("x", granularities=("event", "pulse"), kinds=("laugh", "cough"))
    meant = targets.columns(card)
    assert [(c.label, c.granularity) for c in meant] == [
        (None, "event"), (None, "pulse"), ("laugh", None), ("cough", None),
    ]  # fmt: skip
    spoken = Annotation.of(
        [Event(1, 2, "laugh"), Event(2.3, 3, "laugh"), Event(5, 6)], examined=(Span(0, 8_000_000),)
    )
    target, weight = targets.targets(spoken, meant, "pulse", 500, 5, 20_000)
    assert target[110, :4].tolist() == [1, 0, 0, 0]  # the pause: in the event, in no pulse
    assert target[60, :4].tolist() == [1, 1, 1, 0] and weight[60].tolist() == [1, 1, 1, 1, 0]
    assert target[260, :4].tolist() == [1, 1, 0, 0] and weight[260].tolist() == [1, 1, 0, 0, 0]
    assert weight[200].tolist() == [1, 1, 0, 0, 0]  # what is no burst is of no kind
    assert weight[450].tolist() == [0] * 5  # nobody looked there
    assert weight[49, 1] == weight[50, 1] == 0.5 and weight[47, 1] == 1
    target, weight = targets.targets(spoken, meant, "event", 500, 5, 20_000)
    assert target[60, 0] == 1 and weight[60, 1] == 0 and weight[200, 1] == 1 and target[200, 1] == 0


def test_windows_are_cut_and_stitched_as_detect_does():
    layout = Card("x", window_s=10.0, overlap_s=2.0).layout
    from vbannotate.models.windows import curve

    for samples in (160, 48_000, 160_000, 160_001, 288_000, 288_160, 400_123, 416_000):
        seen = []

        def keep(sounds, seen=seen):
            seen.extend(sounds)
            return np.zeros((len(sounds), 500, 1), np.float32)

        sound = np.arange(samples, dtype=np.float32)
        for _ in curve([sound], keep, layout):
            pass
        assert [int(s[0]) // 320 for s in seen] == states.starts(samples, layout), samples
        ramp = np.arange(-(-samples // 320), dtype=np.float32)[:, None]
        assert np.array_equal(states.stitched(states.cut(ramp, samples, layout), samples, layout), ramp)


def counts(*rows):
    return [Counts(*row, 60.0) for row in rows]


def test_the_decision():
    even = counts(*[(1, 1, 1)] * 12)
    better = counts(*[(2, 0, 1)] * 10, (1, 1, 1), (2, 0, 0))
    assert decide(even, better).better and decide(even, better).interval[0] > 0
    assert "nothing is gained" in decide(even, even).answer()
    chance = counts(*[(1, 1, 1)] * 11, (2, 0, 0))
    assert "chance" in decide(even, chance).answer()
    few = decide(even[:4], better[:4])
    assert few.better and few.interval is None
    lucky = counts((9, 0, 0), (0, 2, 2), (0, 2, 2), (1, 1, 1))
    worse = counts((0, 9, 0), (1, 1, 1), (1, 1, 1), (1, 1, 1))
    assert "uneven" in decide(worse, lucky).answer()
    base = counts((50, 5, 5), (50, 5, 5))
    forgot = decide(even, better, base, counts((40, 15, 5), (50, 5, 5)))
    assert not forgot.better and "it forgets" in forgot.answer()
    assert decide(even, better, base, base).to_dict()["base_after"]["f1"] == 0.909


def test_base_data_holds_the_head_where_it_was(model, tmp_path):
    """The same corrections with base data that call such tones no burst: nothing can be both."""
    base = tmp_path / "base"
    base.mkdir()
    for k in range(12):
        recording(base / f"b{k}.wav", [(2, 3)] if k % 2 else [(4, 5), (7, 8)], seed=50 + k)
        (base / f"b{k}.json").write_text('{"events": [], "duration_sec": 10.0, "bg_type": "music"}')
    asked = Options(model, base, cache=tmp_path / "cache", changes=QUICK)
    outcome = adapt(corrected(tmp_path / "mine"), tmp_path / "out", asked, lambda line: None)
    assert len(outcome.base_before) == 6 and not outcome.better
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "extra", [["--labels", "laugh"], ["--window", "10"], ["--synth", "5"], ["--mode", "lora"]]
)
def test_options_of_training_from_scratch_are_refused(extra, tmp_path, capsys):
    from vbannotate.cli.app import run

    command = ["train", "detector", "--from-corrections", str(tmp_path), "-o", str(tmp_path / "new"), *extra]
    assert run(command) == 2
    assert f"{extra[0]}: not part of --from-corrections" in capsys.readouterr().err
