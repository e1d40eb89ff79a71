"""The identities that scoring by maximum matching obeys, and agreement with the field's tools."""

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vbannotate.events import Event
from vbannotate.match import Criterion, match
from vbannotate.score import score

STEP_US = 100_000  # a coarse grid finds ties and boundary faults
QUICK = settings(max_examples=150, deadline=None)

times = st.tuples(st.integers(0, 40), st.integers(0, 8))
events = st.lists(
    st.builds(
        lambda t, label, confidence: Event.from_us(
            t[0] * STEP_US, (t[0] + t[1]) * STEP_US, label, confidence / 4
        ),
        times,
        st.sampled_from("ab"),
        st.integers(0, 4),
    ),
    max_size=12,
)
methods = st.sampled_from(
    [
        {"criterion": "iou", "iou": Fraction(3, 10)},
        {"criterion": "iou", "iou": Fraction(1, 2)},
        {"criterion": "iou", "iou": Fraction(7, 10)},
        {"criterion": "overlap"},
        {"criterion": "onset"},
        {"criterion": "collar", "offset_ratio": 0},
    ]
)


def tp(reference, estimate, method, **more):
    return score(reference, estimate, **method, **more).micro["tp"]


@QUICK
@given(events, events, methods)
def test_swapping_sides_exchanges_precision_and_recall(reference, estimate, method):
    one, two = score(reference, estimate, **method).micro, score(estimate, reference, **method).micro
    assert (one["tp"], one["f1"], one["precision"]) == (two["tp"], two["f1"], two["recall"])


@QUICK
@given(events, methods)
def test_a_copy_is_perfect(reference, method):
    copy = score(reference, reference, **method)
    points = sum(e.duration_us == 0 for e in reference) if method["criterion"] == "overlap" else 0
    assert copy.micro["tp"] == len(reference) - points


@QUICK
@given(events, events, methods, st.randoms())
def test_order_does_not_matter(reference, estimate, method, rng):
    def values(reference, estimate):
        report = score(reference, estimate, **method)
        pairs = ((reference[p["reference"]].key(), estimate[p["estimate"]].key()) for p in report.pairs)
        return report.micro, sorted(pairs)

    expected = values(reference, estimate)
    assert values(rng.sample(reference, len(reference)), rng.sample(estimate, len(estimate))) == expected


@QUICK
@given(events, events, methods, st.integers(0, 10**9))
def test_a_shift_of_both_changes_nothing(reference, estimate, method, shift):
    def moved(side):
        return [e.with_(onset_us=e.onset_us + shift, offset_us=e.offset_us + shift) for e in side]

    assert tp(moved(reference), moved(estimate), method) == tp(reference, estimate, method)


@QUICK
@given(events, events, st.integers(2, 9))
def test_iou_does_not_know_scale_or_direction(reference, estimate, factor):
    def scaled(side):
        return [e.with_(onset_us=e.onset_us * factor, offset_us=e.offset_us * factor) for e in side]

    def reversed_(side):
        return [e.with_(onset_us=10**7 - e.offset_us, offset_us=10**7 - e.onset_us) for e in side]

    expected = tp(reference, estimate, {})
    assert tp(scaled(reference), scaled(estimate), {}) == expected
    assert tp(reversed_(reference), reversed_(estimate), {}) == expected


@QUICK
@given(events, events, events, methods)
def test_one_more_estimate_finds_at_most_one_more(reference, estimate, more, method):
    for event in more[:1]:
        assert tp(reference, [*estimate, event], method) - tp(reference, estimate, method) in (0, 1)


@QUICK
@given(events, events, methods)
def test_labels_can_only_lose_pairs_and_add_up(reference, estimate, method):
    report = score(reference, estimate, **method)
    found = sum(figures["tp"] for figures in report.per_class.values())
    assert report.micro["tp"] == found <= tp(reference, estimate, method, by_label=False)
    assert found <= min(len(reference), len(estimate))


@QUICK
@given(events, events)
def test_stricter_thresholds_find_no_more(reference, estimate):
    found = [tp(reference, estimate, {"iou": Fraction(k, 10)}) for k in range(1, 11)]
    assert found == sorted(found, reverse=True)
    assert found[0] <= tp(reference, estimate, {"criterion": "overlap"}) + sum(
        e.duration_us == 0 for e in estimate
    )
    collars = [tp(reference, estimate, {"criterion": "onset", "onset": Fraction(k, 10)}) for k in range(6)]
    assert collars == sorted(collars)


@QUICK
@given(st.lists(st.tuples(events, events), min_size=1, max_size=5), methods)
def test_pooled_counts_are_sums_over_files(files, method):
    sides = ({str(k): pair[side] for k, pair in enumerate(files)} for side in (0, 1))
    report = score(*sides, **method)
    for name in ("tp", "fp", "fn"):
        assert report.micro[name] == sum(figures[name] for figures in report.per_file.values())
    for k, (reference, estimate) in enumerate(files):
        alone = score(reference, estimate, **method).micro
        assert report.per_file[str(k)] == alone


@QUICK
@given(events, events)
def test_f1_lies_between_precision_and_recall(reference, estimate):
    found = score(reference, estimate).micro
    if None not in (found["precision"], found["recall"]):
        low, high = sorted((found["precision"], found["recall"]))
        assert low - 1e-12 <= found["f1"] <= high + 1e-12 or not low


@QUICK
@given(events, events)
def test_durations_of_duplicates_count_once(reference, estimate):
    one = score(reference, estimate, "time").micro
    assert score(reference * 2, estimate * 3, "time").micro == one
    swapped = score(estimate, reference, "time").micro
    assert (one["tp"], one["precision"]) == (swapped["tp"], swapped["recall"])


@QUICK
@given(events, events)
def test_time_equals_counting_grid_cells(reference, estimate):
    def cells(side):
        return {(e.label, k) for e in side for k in range(e.onset_us // STEP_US, e.offset_us // STEP_US)}

    ref, est = cells(reference), cells(estimate)
    found = score(reference, estimate, "time").micro
    assert (round(found["tp"] * 10), round(found["fp"] * 10), round(found["fn"] * 10)) == (
        len(ref & est),
        len(est - ref),
        len(ref - est),
    )


@QUICK
@given(events, events)
def test_intersection_equals_counting_grid_cells(reference, estimate):
    reference, estimate = ([e for e in side if e.duration_us] for side in (reference, estimate))

    def cells(e):
        return {(e.label, k) for k in range(e.onset_us // STEP_US, e.offset_us // STEP_US)}

    def covered(event, others):
        union = set().union(*map(cells, others)) if others else set()
        return 2 * len(cells(event) & union) >= len(cells(event))

    kept = [e for e in estimate if covered(e, reference)]
    found = [e for e in reference if covered(e, kept)]
    figures = score(reference, estimate, "intersection").micro
    assert (figures["tp"], figures["fp"]) == (len(found), len(estimate) - len(kept))


@QUICK
@given(events, events)
def test_the_least_confidence_of_zero_is_the_plain_score(reference, estimate):
    ranked = score(reference, estimate).details["average_precision"]
    if ranked is not None:
        assert 0 <= ranked["pooled"] <= 1


def disjoint(rng, count):
    """Events of one label that do not overlap each other, at odd microseconds so that none is on a bound."""
    onset, result = 0, []
    for _ in range(count):
        onset += rng.randrange(1, 2_000_000)
        length = rng.randrange(20_000, 900_000)
        result.append(Event.from_us(onset, onset + length, "x"))
        onset += length
    return result


def varied(rng, reference):
    """An estimate of `reference`: some missing, the others moved."""
    result = []
    for event in reference:
        if rng.random() < 0.8:
            onset = max(0, event.onset_us + rng.randrange(-250_000, 250_000))
            result.append(
                Event.from_us(
                    onset, max(onset + 10_000, event.offset_us + rng.randrange(-250_000, 250_000)), "x"
                )
            )
    return result


@pytest.mark.parametrize("preset", ["mir_eval", "dcase"])
def test_mir_eval_agrees(preset):
    mir_eval = pytest.importorskip("mir_eval")
    tolerance = {"mir_eval": 0.05, "dcase": 0.2}[preset]
    rng = random.Random(preset)
    for _ in range(40):
        reference = disjoint(rng, 12)
        estimate = varied(rng, reference)
        sides = [
            np.array([[e.onset, e.offset] for e in side]).reshape(-1, 2) for side in (reference, estimate)
        ]
        matched = mir_eval.transcription.match_notes(
            sides[0],
            np.full(len(reference), 440.0),
            sides[1],
            np.full(len(estimate), 440.0),
            onset_tolerance=tolerance,
            offset_ratio=0.2,
            offset_min_tolerance=tolerance,
        )
        assert score(reference, estimate, preset=preset).micro["tp"] == len(matched)


def test_sed_eval_agrees():
    sed_eval = pytest.importorskip("sed_eval")
    dcase_util = pytest.importorskip("dcase_util")
    rng = random.Random(8)
    for _ in range(15):
        reference = disjoint(rng, 10)
        estimate = varied(rng, reference)
        lists = [
            dcase_util.containers.MetaDataContainer(
                [
                    {"filename": "a", "onset": e.onset, "offset": e.offset, "event_label": e.label}
                    for e in side
                ]
            )
            for side in (reference, estimate)
        ]
        theirs = sed_eval.sound_event.EventBasedMetrics(["x"], t_collar=0.2, percentage_of_length=0.5)
        theirs.evaluate(*lists)
        assert score(reference, estimate, preset="sed_eval").micro["tp"] == theirs.overall["Ntp"]
        segments = sed_eval.sound_event.SegmentBasedMetrics(["x"], time_resolution=1.0)
        segments.evaluate(*lists)
        ours = score(reference, estimate, "segment").micro
        assert (ours["tp"], ours["fp"], ours["fn"]) == tuple(
            segments.overall[k] for k in ("Ntp", "Nfp", "Nfn")
        )


def test_larger_cases_equal_scipy_in_size_and_weight():
    """Total IoU of dense random cases against the assignment of scipy, with a bonus for every pair."""
    optimize = pytest.importorskip("scipy.optimize")
    rng = random.Random(4)
    for _ in range(40):
        sides = [
            [
                Event.from_us(a, a + rng.randrange(200_000, 3_000_000))
                for a in (rng.randrange(10_000_000) for _ in range(60))
            ]
            for _ in range(2)
        ]
        on, off = (
            np.array([[getattr(e, n) for e in side] for side in sides]) for n in ("onset_us", "offset_us")
        )
        inter = np.minimum(off[0][:, None], off[1]) - np.maximum(on[0][:, None], on[1])
        inter = np.maximum(inter, 0)
        iou = inter / ((off - on)[0][:, None] + (off - on)[1] - inter)
        weight = np.where(iou >= 0.3, iou + 1000, 0)
        rows, columns = optimize.linear_sum_assignment(weight, maximize=True)
        best = weight[rows, columns]
        pairs = match(*sides, Criterion.of("iou", iou="0.3"))
        assert len(pairs) == (best > 0).sum()
        assert sum(iou[i, j] for i, j in pairs) == pytest.approx((best[best > 0] - 1000).sum(), abs=1e-6)
