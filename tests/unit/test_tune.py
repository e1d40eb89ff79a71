"""Tuning and calibration: exact fast counts, honest answers, settings files, the command."""

import json
import random

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from vbannotate import calibrate, formats, scores
from vbannotate.calibrate import Calibration
from vbannotate.cli.tune import tune as command
from vbannotate.decode import Settings
from vbannotate.errors import UsageError, VbannotateError
from vbannotate.events import Annotation, Event, Span
from vbannotate.match import Criterion
from vbannotate.score import score
from vbannotate.settings import Resolved, read_file
from vbannotate.times import to_us
from vbannotate.tune import Objective, Recording, grid_for, reliability, tune
from vbannotate.tune.choose import choose
from vbannotate.tune.grid import Tally, decoded, tally, tally_each
from vbannotate.tune.text import answer, toml

SECONDS = 20


def recording(number, weak=False, examined=None):
    """A curve with bursts of some 0.3 s and, lower, false ones; `weak` bursts stay below 0.5."""
    rng = np.random.default_rng(number)
    curve = rng.uniform(0, 0.15, SECONDS * 50)
    events = []
    for onset in range(1, SECONDS - 1, 4):
        length = int(rng.integers(8, 30))
        first = onset * 50 + int(rng.integers(0, 20))
        curve[first : first + length] = rng.uniform(0.36, 0.48) if weak else rng.uniform(0.6, 0.95)
        first += int(rng.integers(-2, 3))
        events.append(Event(first / 50, (first + length) / 50))
        noise = (onset + 2) * 50
        curve[noise : noise + int(rng.integers(2, 10))] = rng.uniform(0.2, 0.34)
    duration = to_us(SECONDS) - 7000
    return Recording(f"r{number}", curve.astype(np.float32), tuple(events), 20_000, 0, duration, examined)


def resolved(**values):
    return Resolved(Settings(**values), {}, {})


def run_tune(recordings, objective="f1", **values):
    return tune({"burst": recordings}, resolved(**values), Objective.parse(objective), Criterion.of("iou"))


@pytest.mark.parametrize("base", [{}, {"release": 0.3}, {"smooth": 5}], ids=str)
@pytest.mark.parametrize(
    "criterion",
    [{}, {"iou": "0.7"}, {"iou": "1/10"}, {"kind": "collar"}, {"kind": "overlap"}],
    ids=str,
)
def test_fast_counts_equal_decoding_and_matching(base, criterion):
    spans = (Span(to_us(2), to_us(15)),)
    recordings = [recording(k, weak=k % 2 == 0, examined=spans if k == 3 else None) for k in range(6)]
    grid, rule = grid_for(30, Settings(**base)), Criterion.of(**{"kind": "iou"} | criterion)
    fast, settings = tally(recordings, grid, rule), list(grid.all())
    places = random.Random(1).sample(range(len(settings)), 40)
    slow = tally_each(recordings, [settings[place] for place in places], rule)
    assert (fast.tp[:, places] == slow.tp).all()
    assert (fast.estimates[:, places] == slow.estimates).all()
    assert fast.tp.max() > 0


def test_counts_equal_the_score_command():
    recordings = [recording(k) for k in range(5)]
    settings = Settings(threshold=0.3, min_dur=0.1, merge_gap=0.1)
    events, files = decoded(recordings, settings)
    estimate = {
        one.name: [e for e, f in zip(events, files, strict=True) if f == k]
        for k, one in enumerate(recordings)
    }
    micro = score({one.name: one.reference for one in recordings}, estimate).micro
    counts = tally_each(recordings, [settings], Criterion.of("iou"))
    assert (micro["tp"], micro["tp"] + micro["fp"]) == (counts.tp.sum(), counts.estimates.sum())


def test_competing_estimates_at_exactly_one_half_count_once():
    curve = np.zeros(200, np.float32)
    curve[50:75], curve[75:76], curve[76:101] = 0.9, 0.1, 0.9
    one = Recording("a", curve, (Event(1.0, 2.0),), 20_000)
    grid = grid_for(30, Settings())
    counts = tally([one], grid, Criterion.of("iou"))
    assert counts.tp.max() == 1
    slow = tally_each([one], list(grid.all())[:500], Criterion.of("iou"))
    assert (counts.tp[:, :500] == slow.tp).all()


def test_padding_is_tuned_by_decoding():
    recordings = [recording(k) for k in range(3)]
    grid = grid_for(3, Settings(pad=0.05))
    counts = tally(recordings, grid, Criterion.of("iou"))
    slow = tally_each(recordings, list(grid.all()), Criterion.of("iou"))
    assert (counts.tp == slow.tp).all()


def test_thousands_of_settings_a_second():
    import time

    recordings = [recording(k) for k in range(30)]
    grid = grid_for(30, Settings())
    start = time.process_time()
    counts = tally(recordings, grid, Criterion.of("iou"))
    assert counts.tp.shape[1] / (time.process_time() - start) > 1000  # about 50 000 on a quiet machine


def test_few_files_keep_the_current_settings():
    result = run_tune([recording(k, weak=True) for k in range(8)])
    assert not result.choice.recommended
    assert result.settings == Settings()
    said = answer(result.choice, Objective(), result.best)
    assert said.startswith("keep the current settings: 8 file(s) with 40 event(s) are too few")


def test_settings_that_find_nothing_are_changed():
    result = run_tune([recording(k, weak=True) for k in range(24)])
    choice = result.choice
    assert choice.recommended
    assert 0.2 < result.settings.threshold < 0.4
    assert choice.interval[0] > 0
    assert choice.merit > 0.9 > choice.current_merit
    assert answer(choice, Objective(), result.best).startswith("change to threshold 0.")


def test_good_settings_are_kept():
    result = run_tune([recording(k) for k in range(24)])
    assert not result.choice.recommended
    assert "keep the current settings" in answer(result.choice, Objective(), result.best)


def test_luck_is_not_recommended():
    """All settings equally good, their counts random: the best looks better, and is seldom recommended."""
    rng = np.random.default_rng(5)
    grid, recommended, flattered, files = grid_for(12, Settings()), 0, 0, 24
    for _ in range(40):
        shape = files, len(grid.thresholds)
        counts = Tally(
            rng.binomial(5, 0.7, shape), np.full(shape, 6), np.full(files, 5), np.full(files, 10**7)
        )
        found = choose(counts, grid, Objective(), 10)
        flattered += found.fitted > found.merit
        recommended += found.recommended
    assert flattered > 30
    assert recommended <= 4  # 2.5 % are expected


def test_the_held_out_figure_does_not_see_its_own_file():
    """One file of its own kind: a choice that saw it would find its events."""
    ones = [recording(k) for k in range(11)] + [recording(99, weak=True)]
    grid = grid_for(12, Settings(threshold=0.5))
    counts = tally(ones, grid, Criterion.of("iou"))
    found = choose(counts, grid, Objective(), 0)
    assert found.held_out[0] <= counts.tp[:11].max(axis=1).sum() + 5
    assert found.held_out[2] == sum(len(one.reference) for one in ones)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("precision=0.99", lambda row: row["precision"] >= 0.99),
        ("recall=0.9", lambda row: row["recall"] >= 0.9),
        ("fa-per-hour=1", lambda row: row["false_alarms_per_hour"] <= 1),
        ("fbeta=2", lambda row: row["recall"] > 0.9),
    ],
)
def test_objectives_are_met(text, check):
    result = run_tune([recording(k, weak=k % 3 == 0) for k in range(30)], text, threshold=0.9)
    (row,) = [row for row in result.curve if row["threshold"] == result.settings.threshold]
    assert check(row), row


@pytest.mark.parametrize("text", ["f2", "precision", "precision=2", "fbeta=x", "fa-per-hour=-1", "f1=2"])
def test_unknown_objectives_are_refused(text):
    with pytest.raises(UsageError, match="give f1, fbeta=B"):
        Objective.parse(text)


def test_labels_get_their_own_settings_only_with_enough_events():
    many, few = [recording(k, weak=True) for k in range(30)], []
    for k in range(30):
        one = recording(100 + k)
        few.append(Recording(one.name, one.curve, one.reference[: k < 14], 20_000, 0, one.duration_us))
    both = {"laugh": many, "cough": few}
    result = tune(both, resolved(), Objective(), Criterion.of("iou"), by_label=True)
    assert result.too_few == {"cough": 14}
    assert "laugh" in result.labels
    from vbannotate.tune.text import table

    assert "cough: 14 event(s): too few to say" in table(result, Objective(), Criterion.of("iou"))


def test_no_events_is_an_error():
    with pytest.raises(UsageError, match="hold no events"):
        run_tune([Recording("a", np.zeros(100, np.float32), (), 20_000)])


def test_the_settings_file_is_what_detect_reads(tmp_path):
    result = run_tune([recording(k, weak=True) for k in range(24)])
    result.label_settings['Lachen "x"'] = Settings(threshold=0.3, peak=0.4)
    result.calibration = Calibration((0.2, 0.8), (0.1, 0.9), 300)
    path = tmp_path / "mine.toml"
    path.write_text(toml(result, Objective(), "base"), "utf-8")
    file = read_file(path)
    assert file.model == "base"
    assert file.values["threshold"] == result.settings.threshold
    assert file.labels['Lachen "x"']["peak"] == 0.4
    assert Calibration.of(file.calibration) == result.calibration


# Calibration


def test_the_isotonic_fit_equals_scikit_learn_in_a_known_case():
    """Values of the pool adjacent violators algorithm done by hand."""
    values = np.array([1, 3, 2, 4, 3.5, 3.5])
    expected = [1, 2.5, 2.5, 11 / 3, 11 / 3, 11 / 3]
    assert calibrate.isotonic(values, np.ones(6)) == pytest.approx(expected)
    assert calibrate.isotonic(np.array([2.0, 1.0]), np.array([3.0, 1.0])) == pytest.approx([1.75, 1.75])


def test_calibration_learns_the_share_that_was_right():
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.3, 1, 4000)
    right = rng.random(4000) < confidence**2  # the detector is too sure of itself
    found = calibrate.fit(confidence, right)
    for value in (0.4, 0.6, 0.8, 0.95):
        assert found(value) == pytest.approx(value**2, abs=0.06)
    mapped = np.array([found(value) for value in confidence])
    assert calibrate.brier(mapped, right) < calibrate.brier(confidence, right)
    assert (np.diff([found(v) for v in np.linspace(0, 1, 50)]) >= 0).all()
    assert (
        found.sentence(0.95)
        == f"of 100 such events about {round(100 * found(0.95))} were right in your recordings"
    )


def test_too_few_events_are_not_calibrated_on():
    assert calibrate.fit(np.linspace(0, 1, 49), np.ones(49, bool)) is None
    assert calibrate.fit(np.full(80, 0.5), np.ones(80, bool)) is None


def test_calibrated_events_keep_the_model_s_confidence():
    found = Calibration((0.0, 1.0), (0.2, 0.8), 100)
    annotation = found.apply(Annotation.of([Event(0, 1, "x", 0.5), Event(2, 3)]))
    assert annotation.events[0].confidence == 0.5
    assert annotation.events[0].extra["raw_confidence"] == 0.5
    assert annotation.events[1].confidence is None
    assert Calibration.of(found.to_dict()) == found


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"confidence": [0.1], "share": []},
        {"confidence": [0.5, 0.1], "share": [0.1, 0.2]},
        {"confidence": [0.1, 0.5], "share": [0.9, 0.2]},
        {"confidence": [0.1, 2], "share": [0.1, 0.2]},
        {"confidence": "x", "share": [0.1]},
    ],
)
def test_damaged_calibrations_are_refused(table):
    with pytest.raises(UsageError, match="tune --calibrate"):
        Calibration.of(table)


def test_reliability_counts_by_confidence():
    confidence = np.repeat([0.2, 0.9], 60)
    right = np.concatenate([np.arange(60) < 12, np.arange(60) < 54])
    found = reliability(confidence, right)
    assert [row["n"] for row in found["bins"]] == [20] * 6
    assert sum(row["share"] * row["n"] for row in found["bins"]) == pytest.approx(66)
    assert found["brier"] == pytest.approx((12 * 0.64 + 48 * 0.04 + 54 * 0.01 + 6 * 0.81) / 120)
    assert reliability(confidence[:50], right[:50])["ece"] is None
    assert reliability(confidence[:0], right[:0])["n"] == 0


# The command

app = Typer()
app.command()(command)


@app.callback()
def _group():
    """Keep the command's name."""


def run(*arguments):
    result = CliRunner().invoke(app, ["tune", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def folders(tmp_path):
    for name in ("c", "s"):
        (tmp_path / name).mkdir()
    for k in range(24):
        one = recording(k, weak=True)
        kept = scores.Scores(one.curve[:, None], ("burst",), "base", 20_000, 0, one.duration_us)
        scores.save(kept, tmp_path / "s" / f"r{k}.scores.npz")
        formats.write(Annotation.of(one.reference, duration_us=one.duration_us), tmp_path / "c" / f"r{k}.txt")
    return tmp_path


def test_the_command_writes_settings_and_says_what_it_did(folders):
    arguments = [folders / "c", folders / "s", "-o", folders / "mine.toml", "--calibrate"]
    text = run(*arguments, "--plot", folders / "p.png")
    assert text.startswith(("change to threshold", "keep the current settings"))
    assert "threshold  precision" in text
    assert "not a figure to expect elsewhere" in text
    assert (folders / "p.png").read_bytes().startswith(b"\x89PNG")
    assert read_file(folders / "mine.toml").model == "base"
    found = json.loads(run(folders / "c", folders / "s", "--json"))
    assert {"recommended", "settings", "interval", "curve", "reliability", "answer"} <= found.keys()
    with pytest.raises(VbannotateError, match="exists"):
        run(*arguments)


def test_files_without_a_partner_are_named(folders, capsys):
    (folders / "s" / "r3.scores.npz").unlink()
    found = json.loads(run(folders / "c", folders / "s", "--json"))
    assert found["files"] == 23
    with pytest.raises(VbannotateError, match="matched by their names"):
        (folders / "e").mkdir()
        run(folders / "c", folders / "e")
    with pytest.raises(UsageError, match="name a folder"):
        run(folders / "c", folders / "s" / "r1.scores.npz")


def test_one_pair_of_files_will_do(folders):
    found = json.loads(run(folders / "c" / "r1.txt", folders / "s" / "r1.scores.npz", "--json"))
    assert found["files"] == 1
    assert not found["recommended"]
