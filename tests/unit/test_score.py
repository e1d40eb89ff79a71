"""Scoring: figures, criteria, examined spans, labels, bad input, comparison, files and the commands."""

import itertools
import json
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from vbannotate.cli.score import agreement as agreement_command
from vbannotate.cli.score import score as score_command
from vbannotate.errors import UsageError, VbannotateError
from vbannotate.events import Annotation, Event, Span
from vbannotate.score import score, score_both
from vbannotate.score.intervals import wilson
from vbannotate.score.ranking import curve
from vbannotate.times import to_us

REF = [Event(0, 1, "laugh"), Event(2, 3, "laugh"), Event(5, 6, "cough")]
EST = [
    Event(0, 1, "laugh", 0.9),
    Event(2.1, 3.2, "cough", 0.8),
    Event(5, 6.1, "cough", 0.7),
    Event(8, 9, "laugh", 0.2),
]


def figures(report):
    return {name: report.micro[name] for name in ("tp", "fp", "fn")}


def test_the_report_has_the_promised_keys():
    report = score({"a": REF}, {"a": EST}).to_dict()
    assert report["micro"] == {"tp": 2, "fp": 2, "fn": 1, "precision": 0.5, "recall": 2 / 3, "f1": 4 / 7}
    assert report["per_class"]["laugh"]["f1"] == 0.5
    assert report["macro_class"] == {
        "precision": 0.5,
        "recall": 0.75,
        "f1": float((Fraction(1, 2) + Fraction(2, 3)) / 2),
        "n": 2,
        "n_undefined": 0,
    }
    assert report["per_file"]["a"] == report["micro"]
    assert [(p["reference"], p["estimate"]) for p in report["pairs"]] == [(0, 0), (2, 2)]
    assert report["pairs"][1] == {
        "file": "a",
        "reference": 2,
        "estimate": 2,
        "onset_error": 0.0,
        "offset_error": 0.1,
    }
    assert report["criterion"] == "IoU >= 0.5, by label"
    json.dumps(score({"a": REF}, {"a": EST}).to_dict(with_details=True))


def test_lists_annotations_rows_and_mappings_are_all_sides():
    rows = [(e.onset, e.offset, e.label) for e in REF]
    expected = score(REF, EST).micro
    assert score(rows, Annotation.of(EST)).micro == expected
    assert score({"x": np.array([[0.0, 1.0]])}, {"x": [(0, 1)]}).micro["tp"] == 1


@pytest.mark.parametrize("half", [0.5, Decimal("0.5"), Fraction(1, 2), "1/2", "0.50"])
def test_thresholds_of_any_number_type(half):
    assert score([Event(0, 1)], [Event(0, 0.5)], iou=half).micro["tp"] == 1
    assert score([Event(0, 1)], [Event(0, 0.499999)], iou=half).micro["tp"] == 0


def test_a_float_threshold_is_its_decimal_text():
    assert score([Event(0, 1)], [Event(0, 0.3)], iou=0.3).micro["tp"] == 1
    assert score([Event(0.7, 1.7)], [Event(0.9, 1.7)], "collar", onset=0.2).micro["tp"] == 1


def test_presets_are_the_tolerances_of_their_names():
    long = [Event(0, 2)]
    assert score(long, [Event(0, 2.4)], preset="dcase").micro["tp"] == 1
    assert score(long, [Event(0, 2.5)], preset="dcase").micro["tp"] == 0
    assert score(long, [Event(0, 3)], preset="sed_eval").micro["tp"] == 1
    assert score(long, [Event(0.06, 2)], preset="mir_eval").micro["tp"] == 0
    assert score(long, [Event(0.06, 2)], preset="mir_eval", onset=0.1).micro["tp"] == 1
    assert "collar (onset within 0.2 s, offset within 0.2 s or 20% of the length)" in str(
        score(long, long, preset="dcase").method
    )


def test_offset_none_judges_onsets_only():
    assert score([Event(1, 2)], [Event(1.1, 9)], "collar", offset=None).micro["tp"] == 1
    assert score([Event(1, 2)], [Event(1.1, 9)], "onset").micro["tp"] == 1


def test_segments_count_what_any_part_touches():
    report = score([Event(0.5, 2.5)], [Event(1, 3.5)], "segment")
    assert figures(report) == {"tp": 2, "fp": 1, "fn": 1}
    finer = score([Event(0.5, 2.5)], [Event(1, 3.5)], "segment", step=0.5)
    assert figures(finer) == {"tp": 3, "fp": 2, "fn": 1}


def test_time_is_in_seconds():
    assert figures(score([Event(0, 2)], [Event(1, 1.25), Event(1.1, 3)], "time")) == {
        "tp": 1.0,
        "fp": 1.0,
        "fn": 1.0,
    }


def test_intersection_needs_the_union_of_what_covers():
    two = [Event(0, 0.5), Event(0, 0.5)]
    assert score([Event(0, 1)], two, "intersection", gtc=0.6).micro["tp"] == 0
    assert score([Event(0, 1)], [Event(0, 0.5), Event(0.5, 1)], "intersection", gtc=1, dtc=1).micro == {
        "tp": 1,
        "fp": 0,
        "fn": 0,
        "precision": 1.0,
        "recall": 1.0,
        "f1": 1.0,
    }


def test_a_point_is_covered_by_what_it_lies_in():
    assert score([Event(0, 1)], [Event(0.5, 0.5)], "intersection").micro["fp"] == 0
    assert score([Event(0, 1)], [Event(1.5, 1.5)], "intersection").micro["fp"] == 1
    assert score([], [Event(1.5, 1.5)], "intersection").micro["fp"] == 1


def test_labels_are_ignored_where_a_side_knows_only_burst():
    report = score(REF, [e.with_(label="burst") for e in REF])
    assert report.micro["tp"] == 3
    assert report.per_class == {}
    assert report.notes == ["labels ignored: the estimate knows only 'burst'"]
    assert "labels ignored" in report.to_dict()["criterion"]


def test_labels_may_be_ignored_on_request():
    assert score(REF, EST, by_label=False).micro["tp"] == 3


@pytest.mark.parametrize("undefined", [None, 0, 1])
def test_undefined_is_null_or_what_was_asked_for(undefined):
    report = score({"a": [], "b": [Event(0, 1)]}, {"a": [], "b": []}, zero_division=undefined).to_dict()
    assert report["per_file"]["a"]["f1"] == undefined
    assert report["per_file"]["b"] == {
        "tp": 0,
        "fp": 0,
        "fn": 1,
        "precision": undefined,
        "recall": 0.0,
        "f1": 0.0,
    }
    assert report["macro_file"]["f1"] == {None: 0.0, 0: 0.0, 1: 0.5}[undefined]
    assert report["macro_file"]["n"] == (1 if undefined is None else 2)
    assert score([], [], zero_division=undefined).micro["precision"] == undefined


def test_a_missing_file_counts_and_is_named():
    report = score({"a": REF, "b": REF}, {"a": REF, "c": EST})
    assert figures(report) == {"tp": 3, "fp": 4, "fn": 3}
    assert report.notes == [
        "1 file(s) without estimate: 3 event(s) count as misses (b)",
        "1 file(s) without reference: 4 event(s) count as false alarms (c)",
    ]


def test_only_what_lies_in_the_examined_spans_is_judged():
    reference = Annotation.of(REF, examined=(Span(0, 4_000_000),))
    report = score({"a": reference}, {"a": EST})
    assert figures(report) == {"tp": 1, "fp": 1, "fn": 1}
    assert figures(score({"a": REF}, {"a": EST}, examined={"a": [(4, 7)]})) == {"tp": 1, "fp": 0, "fn": 0}
    assert figures(score(reference, EST, examined=[(4, 7)])) == {"tp": 0, "fp": 0, "fn": 0}


def test_an_event_over_the_edge_is_judged_by_its_partner():
    inside, over = Event(3, 4), Event(3.1, 4.1)
    assert figures(score([inside], [over], examined=[(0, 4)])) == {"tp": 1, "fp": 0, "fn": 0}
    assert figures(score([], [over], examined=[(0, 4)])) == {"tp": 0, "fp": 0, "fn": 0}


@pytest.mark.parametrize("criterion", ["time", "segment"])
def test_durations_are_cut_to_the_examined_spans(criterion):
    report = score([Event(0, 10)], [Event(5, 20)], criterion, examined=[(2, 6), (12, 13)])
    assert figures(report) == {"tp": 1, "fp": 1, "fn": 3}


def test_rates_over_time_need_the_length():
    sides = Annotation.of(REF, duration_us=to_us(3600)), EST
    found = score(*sides).details
    assert found["false_alarms_per_hour"] == pytest.approx(2)
    assert found["frame_accuracy"] == pytest.approx(1 - 1.4 / 3600)
    assert score(REF, EST).details["false_alarms_per_hour"] is None
    half = score(Annotation.of(REF, duration_us=to_us(3600), examined=(Span(0, to_us(1800)),)), EST).details
    assert half["false_alarms_per_hour"] == pytest.approx(4)


def test_clip_accuracy_asks_whether_there_is_an_event():
    found = score({"a": REF, "b": [], "c": []}, {"a": EST, "b": EST, "c": []}).details
    assert found["clip_accuracy"] == pytest.approx(2 / 3)


def test_boundary_errors_carry_their_sign():
    found = score([Event(0, 1), Event(2, 3)], [Event(0.1, 1), Event(2.3, 3.1)]).details["boundaries"]
    assert found["n"] == 2
    assert found["onset"]["mean"] == pytest.approx(0.2)
    assert found["offset"] == pytest.approx(
        {"mean": 0.05, "median": 0.05, "mean_abs": 0.05, "median_abs": 0.05, "p90_abs": 0.09}
    )


def test_merges_and_splits_are_counted():
    found = score([Event(0, 1), Event(1, 2), Event(5, 9)], [Event(0, 2), Event(5, 6), Event(7, 9)]).details
    assert (found["merges"], found["splits"]) == (1, 1)


def test_confusion_counts_labels_taken_for_another():
    found = score(REF, EST).details["confusion"]
    as_rows = {(row["reference"], row["estimate"]): row["n"] for row in found}
    assert as_rows == {
        ("laugh", "laugh"): 1,
        ("laugh", "cough"): 1,
        ("cough", "cough"): 1,
        (None, "laugh"): 1,
    }


def test_the_curve_equals_a_score_at_every_confidence():
    rng = np.random.default_rng(4)
    for _ in range(60):
        starts = rng.integers(0, 30, (2, 8)) * 100_000
        ends = starts + rng.integers(1, 12, (2, 8)) * 100_000
        confidence = rng.integers(1, 5, 8) / 5
        ref, est = (
            np.column_stack([np.zeros(8, int), s, e, np.zeros(8, int)])
            for s, e in zip(starts, ends, strict=True)
        )
        report = score([Event.from_us(*row[1:3]) for row in ref.tolist()], [])
        found = curve(ref, est, confidence, report.method.with_iou("1/4").one_to_one)
        for threshold, tp, count in zip(found.threshold, found.tp, found.estimates, strict=True):
            kept = [Event.from_us(*row[1:3]) for row in est[confidence >= threshold].tolist()]
            reference = [Event.from_us(*row[1:3]) for row in ref.tolist()]
            assert len(kept) == count
            assert score(reference, kept, iou="1/4").micro["tp"] == tp


def test_wilson_intervals_of_the_book():
    """Values of scoring notes: 9/10, 90/100 and the ends."""
    for hits, total, low, high in (
        (9, 10, 0.60, 0.98),
        (90, 100, 0.83, 0.94),
        (0, 10, 0, 0.28),
        (10, 10, 0.72, 1),
    ):
        assert wilson(hits, total) == pytest.approx((low, high), abs=0.005)
    assert wilson(0, 0) is None


def many_files(count, seed=1):
    rng = np.random.default_rng(seed)
    reference = {f"{k:03d}": [Event(i, i + 0.5) for i in range(4)] for k in range(count)}
    estimate = {
        name: [e for e in events if rng.random() < 0.7] + [Event(10, 11)] * int(rng.random() < 0.3)
        for name, events in reference.items()
    }
    return reference, estimate


def test_intervals_are_seeded_and_hold_the_figure():
    reference, estimate = many_files(40)
    first, second = (score(reference, estimate).details["intervals"] for _ in range(2))
    assert first == second
    report = score(reference, estimate)
    for name, value in (*report.micro.items(), ("mean_file_f1", report.macro_file["f1"])):
        if name in first:
            low, high = first[name]
            assert low < value < high
            assert high - low < 0.3
    assert score(*many_files(9)).details["intervals"] is None


def test_the_bootstrap_interval_is_the_exact_one_of_two_kinds_of_files():
    """With files of two kinds the resampled recall is binomial: quantiles from scipy."""
    stats = pytest.importorskip("scipy.stats")
    reference = {f"{k:02d}": [Event(0, 1)] for k in range(50)}
    estimate = {name: [Event(0, 1)] if k < 30 else [] for k, name in enumerate(reference)}
    low, high = score(reference, estimate).details["intervals"]["recall"]
    assert low == pytest.approx(stats.binom.ppf(0.025, 50, 0.6) / 50, abs=0.021)
    assert high == pytest.approx(stats.binom.ppf(0.975, 50, 0.6) / 50, abs=0.021)


def test_compare_pairs_the_files():
    reference, estimate = many_files(30)
    better = {name: events[:4] for name, events in reference.items()}
    found = score(reference, estimate).compare(score(reference, better))
    low, high = found["interval"]
    assert 0 < low < found["difference"] < high
    assert found["p"] < 0.01
    assert found["found_only_by_first"] == 0
    same = score(reference, estimate).compare(score(reference, estimate))
    assert same["interval"] == (0.0, 0.0)
    assert same["p"] == 1.0
    assert same["files_changed"] == 0


def test_two_estimates_are_judged_alike():
    plain = [e.with_(label="burst") for e in EST]
    first, second = score_both(REF, EST, plain)
    assert (first.micro["tp"], second.micro["tp"]) == (3, 3)
    assert first.compare(second)["difference"] == 0


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([Event(0, 1), Event(-0.5, 1)], "a, event 2: negative onset -0.5 s"),
        ([Event(2, 1)], "a, event 1: offset 1.0 s before onset 2.0 s"),
        ([(float("nan"), 1)], "a, event 1: not finite: nan"),
        ([(0, float("inf"))], "a, event 1: not finite: inf"),
        ([(0, 1), ("1,5", "2,5")], "a, event 2: not a number: '1,5' (a decimal comma; write a point)"),
        ([(0,)], "a, event 1: 1 columns where onset, offset, label are expected"),
    ],
)
def test_times_that_cannot_be_meant_are_refused_with_file_and_row(events, message):
    for side in ({"reference": {"a": events}, "estimate": []}, {"reference": [], "estimate": {"a": events}}):
        with pytest.raises(VbannotateError) as caught:
            score(**side)
        assert str(caught.value) == f"{message}; correct the times or leave the events out"


def test_all_bad_rows_of_a_file_are_told_at_once():
    with pytest.raises(VbannotateError, match=r"a, event 20: .*; and 5 more; correct"):
        score({"a": [Event(2, 1)] * 25}, [])


@pytest.mark.parametrize(
    "options",
    [{"criterion": "?"}, {"preset": "?"}, {"iou": 50}, {"step": 0}, {"zero_division": 2}, {"dtc": 0}],
)
def test_options_that_cannot_be_meant_are_refused(options):
    with pytest.raises(UsageError):
        score(REF, EST, **options)


def test_points_count_like_any_event():
    point = [Event(1, 1)]
    assert score(point, point).micro["f1"] == 1.0
    assert score([Event(0, 2)], point).micro["tp"] == 0


# The commands

app = Typer()
app.command("score")(score_command)
app.command("agreement")(agreement_command)


def run(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def labels(path, events):
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("".join(f"{e.onset:.6f}\t{e.offset:.6f}\t{e.label}\n" for e in events), "utf-8")


@pytest.fixture
def folders(tmp_path):
    for name in ("a", "b"):
        labels(tmp_path / "ref" / f"{name}.txt", REF)
        labels(tmp_path / "est" / f"{name}.txt", EST)
        labels(tmp_path / "other" / f"{name}.txt", REF)
    return tmp_path


def test_two_files_are_one_recording_whatever_their_names(folders):
    found = json.loads(run("score", folders / "ref" / "a.txt", folders / "est" / "b.txt", "--json"))
    assert found["micro"]["tp"] == 2
    assert list(found["per_file"]) == ["a"]


def test_folders_are_matched_by_stem(folders):
    (folders / "est" / "b.txt").rename(folders / "est" / "c.txt")
    found = json.loads(run("score", folders / "ref", folders / "est", "--json"))
    assert found["micro"] == score({"a": REF, "b": REF}, {"a": EST, "c": EST}).micro
    assert "1 file(s) without estimate" in found["notes"][0]
    with pytest.raises(VbannotateError, match="without estimate"):
        run("score", folders / "ref", folders / "est", "--strict")


def test_the_table_prints_the_criterion_and_every_figure(folders):
    text = run(
        "score", folders / "ref", folders / "est", "--compare", folders / "other", "--criterion", "collar"
    )
    assert text.startswith(
        "criterion: collar (onset within 0.2 s, offset within 0.2 s or 20% of the length), by label\n"
    )
    for part in (
        "pooled",
        "mean of 2 label(s)",
        "mean of 2 file(s)",
        "IoU >= 0.3",
        "IoU >= 0.7",
        "difference +0.",
    ):
        assert part in text
    assert "too few files for an interval (2; 10 are needed)" in text
    assert max(map(len, text.splitlines())) < 120


def test_output_pairs_and_picture_are_written_and_not_over_files(folders):
    arguments = [
        "score",
        folders / "ref",
        folders / "est",
        "-o",
        folders / "s.json",
        "--pairs",
        folders / "p.csv",
    ]
    run(*arguments)
    assert json.loads((folders / "s.json").read_text("utf-8"))["micro"]["tp"] == 4
    lines = (folders / "p.csv").read_text("utf-8").splitlines()
    verdicts = [line.split(",")[1] for line in lines[1:]]
    assert sorted(verdicts) == ["false alarm"] * 4 + ["hit"] * 4 + ["miss"] * 2
    assert lines[1] == "a,hit,0.000000,1.000000,laugh,0.000000,1.000000,laugh,"
    with pytest.raises(VbannotateError, match="exists"):
        run(*arguments)
    pytest.importorskip("matplotlib")
    run(*arguments, "--overwrite", "--plot", folders / "s.png")
    assert (folders / "s.png").read_bytes().startswith(b"\x89PNG")


def test_from_until_and_offset_none(folders):
    files = folders / "ref" / "a.txt", folders / "est" / "a.txt"
    assert json.loads(run("score", *files, "--until", "0:04", "--json"))["micro"]["fn"] == 1
    found = json.loads(run("score", *files, "--criterion", "collar", "--offset", "none", "--json"))
    assert found["criterion"] == "onset within 0.2 s, by label"
    for bad in (["--until", "x"], ["--from", "9", "--until", "3"]):
        with pytest.raises(UsageError):
            run("score", *files, *bad)


def test_examined_spans_come_from_a_file_or_a_tier(folders):
    labels(folders / "spans.txt", [Event(0, 4, "looked at")])
    files = folders / "ref" / "a.txt", folders / "est" / "a.txt"
    with_file = json.loads(run("score", *files, "--examined", folders / "spans.txt", "--json"))
    assert with_file["micro"] == {"tp": 1, "fp": 1, "fn": 1, "precision": 0.5, "recall": 0.5, "f1": 0.5}
    from vbannotate.events import Tier
    from vbannotate.formats import write

    tiers = (Tier("bursts", tuple(REF)), Tier("looked", (Event(0, 4, "x"),)))
    write(Annotation(tiers, duration_us=to_us(10)), folders / "t.TextGrid")
    with_tier = json.loads(run("score", folders / "t.TextGrid", files[1], "--examined", "looked", "--json"))
    assert with_tier["micro"] == with_file["micro"]


def test_agreement_is_symmetric(folders):
    one, two = folders / "ref" / "a.txt", folders / "est" / "a.txt"
    first, second = (json.loads(run("agreement", *pair, "--json")) for pair in ((one, two), (two, one)))
    assert first["f1"] == second["f1"] == score(REF, EST).micro["f1"]
    assert first["overlap_extent"] == pytest.approx(second["overlap_extent"])
    assert first["modified_kappa"] == pytest.approx(second["modified_kappa"])
    assert first["kappa_time"]["per_label"] == pytest.approx(second["kappa_time"]["per_label"])
    assert "modified kappa" in run("agreement", one, two)


def test_no_option_is_lost_between_command_and_function(folders):
    files = folders / "ref" / "a.txt", folders / "est" / "a.txt"
    for options in itertools.chain(
        (["--criterion", "intersection", "--dtc", "1", "--gtc", "1/3"],),
        (["--criterion", "segment", "--step", "0.5"],),
        (["--preset", "sed_eval", "--ignore-labels"],),
    ):
        assert json.loads(run("score", *files, *options, "--json"))["n_files"] == 1
    found = json.loads(
        run("score", *files, "--criterion", "intersection", "--dtc", "1", "--gtc", "1/3", "--json")
    )
    assert found["criterion"] == "intersection (dtc 1, gtc 1/3), by label"
