"""The golden cases: exact expectations made by enumerating every matching in integers and fractions."""

import json
from fractions import Fraction

import pytest

from vbannotate.events import Event
from vbannotate.match import Criterion, match
from vbannotate.score import event_of_row, score

COUNTS = {"refs_found": "tp", "tp_us": "tp", "fp_us": "fp", "fn_us": "fn"}
FIGURES = ("tp", "fp", "fn", "precision", "recall", "f1")


@pytest.fixture(scope="module")
def cases(shared):
    found = json.loads((shared / "data" / "scoring" / "golden.json").read_text("utf-8"))["cases"]
    assert len(found) == 105
    return found


def of_type(cases, kind):
    return [case for case in cases if case["type"] == kind]


def events(rows):
    return [
        Event.from_us(
            row["start"],
            row["end"],
            row["label"],
            float(Fraction(row["confidence"])) if "confidence" in row else None,
        )
        for row in rows
    ]


def arguments(criterion):
    """A golden criterion as the arguments of `score`, all thresholds as fractions."""
    names = {"threshold": "iou", "dtc": "dtc", "gtc": "gtc", "offset_ratio": "offset_ratio"}
    found = {ours: Fraction(criterion[theirs]) for theirs, ours in names.items() if theirs in criterion}
    for name in ("onset", "offset"):
        if name in criterion:
            found[name] = None if criterion[name] is None else Fraction(criterion[name], 1_000_000)
    return found


def judged(case):
    sides = ({part["file"]: events(part[side]) for part in case["files"]} for side in ("ref", "est"))
    criterion = case["criterion"]
    return score(*sides, criterion["kind"], by_label=criterion["labels"] == "same", **arguments(criterion))


def compare(figures, expected, where):
    for name, value in expected.items():
        ours = COUNTS.get(name, name)
        if ours not in FIGURES:
            continue
        if isinstance(value, str):
            value = float(Fraction(value))
        elif name.endswith("_us"):
            value = value / 1_000_000
        assert figures[ours] == value, (where, name)


def test_counts_and_figures(cases):
    for case in of_type(cases, "score"):
        report = judged(case).to_dict()
        expect = case["expect"]
        for file, figures in expect["per_file"].items():
            compare(report["per_file"][file], figures, (case["id"], file))
        if "micro" in expect:
            compare(report["micro"], expect["micro"], case["id"])
        if "macro_files" in expect:
            compare(report["macro_file"], expect["macro_files"], (case["id"], "files"))
            assert report["macro_file"]["n"] == expect["macro_files"]["n_defined"]
            assert report["macro_file"]["n_undefined"] == expect["macro_files"]["n_undefined"]
        if "per_label" in expect:
            assert report["per_class"].keys() == expect["per_label"].keys(), case["id"]
            for label, figures in expect["per_label"].items():
                compare(report["per_class"][label], figures, (case["id"], label))
            compare(report["macro_class"], expect["macro_labels"], (case["id"], "labels"))
            assert report["macro_class"]["n"] == expect["macro_labels"]["n_labels"]


def test_pairs_of_least_boundary_error(cases):
    """The golden pairs break ties by boundary error alone: our `ties="error"`."""
    checked = 0
    for case in of_type(cases, "score"):
        criterion = case["criterion"]
        if criterion["kind"] not in ("iou", "overlap", "collar"):
            continue
        rule = Criterion.of(criterion["kind"], ties="error", **arguments(criterion))
        for part in case["files"]:
            ref, est = events(part["ref"]), events(part["est"])
            expected = case["expect"]["per_file"][part["file"]]
            pairs = match(ref, est, rule, criterion["labels"] == "same")
            total = sum(
                abs(ref[i].onset_us - est[j].onset_us) + abs(ref[i].offset_us - est[j].offset_us)
                for i, j in pairs
            )
            assert total == expected["best_total_error_us"], case["id"]
            if expected["pairs"] is not None:
                ours = sorted((ref[i].key(), est[j].key()) for i, j in pairs)
                assert ours == sorted((ref[i].key(), est[j].key()) for i, j in expected["pairs"]), case["id"]
                checked += 1
    assert checked > 50


def test_average_precision(cases):
    for case in of_type(cases, "ap"):
        (part,) = case["files"]
        expect = case["expect"]
        for point in expect["curve"]:
            kept = [e for e in events(part["est"]) if e.confidence >= float(Fraction(point["threshold"]))]
            report = score(events(part["ref"]), kept, **arguments(case["criterion"]))
            compare(report.micro, point, (case["id"], point["threshold"]))
        found = score(events(part["ref"]), events(part["est"]), **arguments(case["criterion"])).details
        if expect["average_precision"] is None:
            assert found["average_precision"] is None
        else:
            expected = pytest.approx(float(Fraction(expect["average_precision"])), rel=1e-15)
            assert found["average_precision"]["pooled"] == expected, case["id"]


MEANINGS = {
    "end before start": "end before start",
    "not finite": "not finite",
    "negative time": "negative time",
    "not a number": "not a number",
    "not a number; name the comma in the message": "decimal comma",
}


def test_rows_are_read_or_refused(cases):
    for case in of_type(cases, "input"):
        if "event" in case["expect"]:
            event = event_of_row(case["row"])
            expected = case["expect"]["event"]
            assert event.key() == (expected["start"], expected["end"], expected["label"]), case["id"]
        else:
            with pytest.raises(ValueError, match=MEANINGS[case["expect"]["error"]]):
                event_of_row(case["row"])
