"""Probabilities to events: the rules one by one, on curves small enough to read."""

from __future__ import annotations

import numpy as np
import pytest

from vbannotate.decode import Decoder, Settings, decode
from vbannotate.errors import UsageError
from vbannotate.events import Event


def curve(*runs: tuple[int, float]) -> np.ndarray:
    return np.concatenate([np.full(n, p, np.float32) for n, p in runs])


def spans(events: list[Event]) -> list[tuple[float, float]]:
    return [(e.onset, e.offset) for e in events]


def test_a_frame_at_the_threshold_is_not_positive():
    settings = Settings(threshold=0.6, min_dur=0, merge_gap=0)
    assert decode(curve((5, 0.6)), settings) == []
    assert spans(decode(curve((5, np.nextafter(np.float32(0.6), np.float32(1)))), settings)) == [(0.0, 0.1)]


@pytest.mark.parametrize("start", range(0, 400, 7))
@pytest.mark.parametrize("frames", [5, 10, 15, 25])
def test_a_length_equal_to_the_option_passes_wherever_it_lies(start, frames):
    seconds = frames * 0.02
    one = curve((start, 0), (frames, 0.9), (50, 0))
    assert len(decode(one, Settings(min_dur=round(seconds, 2), merge_gap=0))) == 1
    two = curve((start, 0), (3, 0.9), (frames, 0), (3, 0.9))
    assert len(decode(two, Settings(min_dur=0, merge_gap=round(seconds, 2)))) == 1
    assert len(decode(two, Settings(min_dur=0, merge_gap=round(seconds - 0.01, 2)))) == 2


def test_joined_runs_are_measured_together_and_gap_frames_count_in_the_mean():
    probabilities = curve((2, 0), (4, 1.0), (2, 0.0), (4, 1.0), (9, 0))
    (event,) = decode(probabilities, Settings(threshold=0.5, merge_gap=0.04, min_dur=0.2))
    assert (event.onset, event.offset, event.confidence) == (0.04, 0.24, 0.8)
    assert event.extra["peak"] == 1.0


def test_peak_must_be_reached_once():
    probabilities = curve((5, 0.6), (1, 0.9), (5, 0.6), (20, 0), (11, 0.8), (3, 0))
    assert spans(decode(probabilities, Settings(peak=0.9, merge_gap=0))) == [(0.0, 0.22)]


def test_release_lets_an_event_last_but_not_begin():
    probabilities = curve((5, 0.4), (5, 0.9), (5, 0.4), (5, 0.2), (5, 0.4), (1, 0))
    settings = Settings(threshold=0.5, release=0.3, merge_gap=0, min_dur=0)
    assert spans(decode(probabilities, settings)) == [(0.1, 0.3)]


def test_median_removes_a_spike_and_keeps_an_edge():
    probabilities = curve((10, 0), (1, 1), (10, 0), (10, 1), (10, 0))
    assert spans(decode(probabilities, Settings(smooth=5, min_dur=0, merge_gap=0))) == [(0.42, 0.62)]


def test_padding_stops_at_the_middle_of_a_gap_and_at_the_ends_of_the_media():
    probabilities = curve((1, 0), (10, 1), (6, 0), (10, 1), (1, 0))
    events = decode(probabilities, Settings(pad=0.1, merge_gap=0), duration_us=550_000)
    assert spans(events) == [(0.0, 0.28), (0.28, 0.55)]


def test_no_event_ends_after_the_media():
    events = decode(curve((100, 1)), Settings(), duration_us=1_234_567)
    assert spans(events) == [(0.0, 1.234567)]


def test_explain_gives_every_loss_a_reason():
    probabilities = curve(
        (5, 0.4), (5, 0), (2, 0.9), (20, 0), (9, 0.7), (2, 0.45), (9, 0.7), (20, 0), (9, 0.95)
    )
    decoder = Decoder(Settings(threshold=0.5, merge_gap=0.04, min_dur=0.1, peak=0.8), explain=True)
    events = [*decoder.feed(probabilities), *decoder.finish()]
    assert spans(events) == [(1.44, 1.62)]
    assert [str(d) for d in decoder.dropped] == [
        "0.00s - 0.10s  probability rises to 0.4, not above threshold 0.5",
        "0.20s - 0.24s  lasts 0.04 s, shorter than min_dur 0.1 s",
        "0.64s - 1.04s  highest probability 0.7, below peak 0.8",
        "0.82s - 0.86s  gap of 0.04 s joined (merge_gap 0.04 s)",
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"threshold": 50}, "threshold 50 is no probability"),
        ({"min_dur": -1}, "min_dur -1 s is out of range"),
        ({"smooth": 4}, "odd number"),
        ({"release": 0.9}, "release 0.9 lies above threshold 0.5"),
        ({"threshold": float("nan")}, "no probability"),
    ],
)
def test_settings_out_of_range_are_refused(values, message):
    with pytest.raises(UsageError, match=message):
        Settings(**values)


def test_an_unknown_setting_is_named_with_the_known_ones():
    with pytest.raises(UsageError, match="unknown setting 'treshold'; known are merge_gap"):
        Settings().updated({"treshold": 0.4})


def test_an_event_bears_the_name_of_its_kind_where_one_is_sure():
    curve = np.zeros(400, np.float32)
    curve[50:100] = curve[200:260] = curve[300:340] = 0.9
    kinds = np.full((400, 2), 0.5, np.float32)
    kinds[50:100] = 0.8, 0.2
    kinds[200:260] = 0.1, 0.9
    kinds[300:340] = 0.45, 0.4
    settings = Settings(smooth=5)

    def named(cuts):
        decoder = Decoder(settings, kinds=("laugh", "cough"))
        events = []
        for first, end in zip([0, *cuts], [*cuts, 400], strict=True):
            events += decoder.feed(curve[first:end], kinds[first:end])
        return [*events, *decoder.finish()]

    assert [event.label for event in named([])] == ["laugh", "cough", "burst"]
    for cuts in ([70], [99, 101, 230], list(range(7, 400, 7))):
        assert named(cuts) == named([])
