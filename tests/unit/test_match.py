"""The matcher against exhaustive search, and its behaviour on chains and dense input."""

import itertools
import random
import time
from fractions import Fraction

import pytest

from vbannotate.errors import UsageError, VbannotateError
from vbannotate.events import Event
from vbannotate.match import Criterion, match

STEP_US = 100_000  # a coarse grid makes ties and exact equalities frequent
CRITERIA = [
    *({"kind": "iou", "iou": iou} for iou in ("1/10", "1/4", "0.3", "1/2", "7/10", 1)),
    {"kind": "overlap"},
    {"kind": "onset", "onset": 0.2},
    {"kind": "collar", "onset": 0.2, "offset": 0.2, "offset_ratio": 0},
    {"kind": "collar", "onset": 0.2, "offset": None},
    {"kind": "collar", "onset": 0.1, "offset": 0.1, "offset_ratio": "1/2"},
]


def iou(a, b):
    inter = max(0, min(a.offset_us, b.offset_us) - max(a.onset_us, b.onset_us))
    union = a.duration_us + b.duration_us - inter
    return Fraction(inter, union) if union else Fraction(a.onset_us == b.onset_us)


def error(a, b):
    return abs(a.onset_us - b.onset_us) + abs(a.offset_us - b.offset_us)


def fits(a, b, kind="iou", iou_=None, **options):
    """The definitions of the criteria, written out once more."""
    if a.label != b.label:
        return False
    if kind == "iou":
        return iou(a, b) >= Fraction(str(options["iou"]))
    if kind == "overlap":
        return min(a.offset_us, b.offset_us) > max(a.onset_us, b.onset_us)
    if abs(a.onset_us - b.onset_us) > options["onset"] * 1_000_000:
        return False
    if kind == "onset" or options["offset"] is None:
        return True
    ratio = Fraction(str(options["offset_ratio"])) * a.duration_us
    return abs(a.offset_us - b.offset_us) <= max(options["offset"] * 1_000_000, ratio)


def matchings(reference, estimate, options):
    """All matchings of maximum size, by trying everything."""
    partners = [[None, *(j for j, e in enumerate(estimate) if fits(r, e, **options))] for r in reference]
    found = []
    for choice in itertools.product(*partners):
        used = [j for j in choice if j is not None]
        if len(set(used)) == len(used):
            found.append([(i, j) for i, j in enumerate(choice) if j is not None])
    most = max(map(len, found))
    return [pairs for pairs in found if len(pairs) == most]


def some_events(rng, most=5):
    width = rng.choice((8, 15, 40))
    onsets = [rng.randrange(width) for _ in range(rng.randrange(most + 1))]
    return [Event.from_us(a * STEP_US, (a + rng.randrange(8)) * STEP_US, rng.choice("aab")) for a in onsets]


@pytest.mark.parametrize("ties", ["iou", "error"])
@pytest.mark.parametrize("options", CRITERIA, ids=lambda o: "-".join(map(str, o.values())))
def test_size_and_ties_equal_exhaustive_search(options, ties):
    rng = random.Random(f"{options}{ties}")
    for _ in range(150):
        reference, estimate = some_events(rng), some_events(rng)

        def rank(pairs, reference=reference, estimate=estimate):
            total_iou = sum(iou(reference[i], estimate[j]) for i, j in pairs)
            total_error = sum(error(reference[i], estimate[j]) for i, j in pairs)
            return (-total_iou, total_error) if ties == "iou" else (total_error, -total_iou)

        best = matchings(reference, estimate, options)
        pairs = match(reference, estimate, Criterion.of(**options, ties=ties))
        assert all(fits(reference[i], estimate[j], **options) for i, j in pairs)
        assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs) == len(best[0])
        assert rank(pairs) == min(map(rank, best))


def test_order_of_the_input_does_not_matter():
    rng = random.Random(5)
    for _ in range(300):
        reference, estimate = some_events(rng, 12), some_events(rng, 12)
        pairs = sorted((reference[i].key(), estimate[j].key()) for i, j in match(reference, estimate))
        rng.shuffle(reference)
        rng.shuffle(estimate)
        assert sorted((reference[i].key(), estimate[j].key()) for i, j in match(reference, estimate)) == pairs


def test_among_equal_estimates_the_most_confident_is_paired():
    estimate = [Event(0, 1, "laugh", 0.3), Event(0, 1, "laugh", 0.9), Event(0, 1, "laugh", None)]
    assert match([Event(0, 1, "laugh")], estimate) == [(0, 1)]
    assert match([Event(0, 1, "laugh")] * 2, estimate) == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("options", "fitting", "outside"),
    [
        ({"kind": "iou", "iou": 0.3}, Event(0, 0.3), Event(0, Fraction(299_999, 1_000_000))),
        ({"kind": "collar", "onset": 0.2, "offset": 0.2}, Event(0.2, 1.2), Event(0.200001, 1.2)),
        ({"kind": "collar", "onset": 0, "offset": 0, "offset_ratio": 0.1}, Event(0, 1.1), Event(0, 1.100001)),
        ({"kind": "overlap"}, Event(0.999999, 2), Event(1, 2)),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_bounds_are_inclusive_to_the_microsecond(options, fitting, outside):
    criterion = Criterion.of(**options)
    assert match([Event(0, 1)], [fitting], criterion) == [(0, 0)]
    assert match([Event(0, 1)], [outside], criterion) == []


def test_thresholds_of_any_denominator_are_exact():
    long = 3600 * 10**6 * 1000
    criterion = Criterion.of("iou", iou=Fraction(10**15 - 1, 10**15))
    assert match([Event.from_us(0, long)], [Event.from_us(0, long)], criterion) == [(0, 0)]
    assert match([Event.from_us(0, long)], [Event.from_us(0, long - 1)], criterion) == []


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("surplus", [1, 2])
def test_a_chain_of_50_000_takes_no_recursion_and_little_time(backwards, surplus):
    size = 50_000
    reference = [Event.from_us(k * 10**6, (k + 1) * 10**6) for k in range(size)]
    estimate = [
        Event.from_us(k * 10**6 // surplus + 250_000, k * 10**6 // surplus + 1_250_000)
        for k in range(size * surplus)
    ]
    if backwards:
        estimate.reverse()
    start = time.process_time()
    pairs = match(reference, estimate, Criterion.of("overlap"))
    assert len(pairs) == size
    assert time.process_time() - start < 10  # about 0.3 s; a quadratic one takes an hour


def test_dense_crossing_input_is_solved():
    rng = random.Random(2)
    spans = [(k * 50_000, k * 50_000 + rng.randrange(1, 4) * 10**6) for k in range(10_000)]
    reference = [Event.from_us(a, b) for a, b in spans]
    estimate = [Event.from_us(a + rng.randrange(90_000), b + rng.randrange(90_000)) for a, b in spans]
    start = time.process_time()
    assert len(match(reference, estimate)) == 10_000
    assert time.process_time() - start < 20


def test_identical_events_are_weighed_once():
    events = [Event(0, 1)] * 20_000
    assert len(match(events, events[:15_000])) == 15_000


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event(-1, 1), "event 1: negative onset -1.0 s; correct its times"),
        (Event(2, 1), "event 1: offset 1.0 s before onset 2.0 s; correct its times"),
        (Event(0, 10**10), "event 1: event beyond 35 years; correct its times"),
        (Event(0, 10**20), "an event lies beyond 35 years; check the times"),
    ],
)
def test_times_that_cannot_be_meant_are_refused(event, message):
    with pytest.raises(VbannotateError) as caught:
        match([event], [Event(0, 1)])
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "options",
    [
        {"iou": 0},
        {"iou": 50},
        {"iou": float("nan")},
        {"iou": True},
        {"onset": -0.1},
        {"offset": "x"},
        {"kind": "?"},
    ],
)
def test_thresholds_that_cannot_be_meant_are_refused(options):
    with pytest.raises(UsageError):
        Criterion.of(**{"kind": "collar"} | options)
