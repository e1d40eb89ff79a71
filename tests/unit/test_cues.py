"""Sound cues: texts and display times. Figures: Netflix Timed Text Style Guide, DCMP Captioning Key."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbannotate import cues
from vbannotate.errors import UsageError
from vbannotate.events import Event

NETFLIX = cues.style("netflix")
S = 1_000_000


def shown(*events: Event, end: int | None = None, **texts: str) -> list[tuple[float, float, str]]:
    return [(c.start_us / S, c.end_us / S, c.text) for c in cues.readable(events, texts, NETFLIX, end)]


def test_netflix_times_are_20_and_2_frames_at_24_a_second_and_7_seconds():
    frame = S / 24
    assert 0 <= NETFLIX.least_us - 20 * frame < 1000 and 0 <= NETFLIX.gap_us - 2 * frame < 1000
    assert NETFLIX.longest_us == 7 * S


def test_a_short_sound_stays_long_enough_to_be_read():
    assert shown(Event(1, 1.3, "cough")) == [(1, 1.834, "[coughs]")]


def test_a_cue_ends_before_the_next_and_not_after_the_recording():
    assert shown(Event(1, 1.3, "cough"), Event(1.95, 2.1, "laugh"), end=2_500_000) == [
        (1, 1.834, "[coughs]"),
        (1.95, 2.5, "[laughter]"),
    ]
    assert shown(Event(1, 1.9, "cough"), Event(1.92, 3, "laugh"))[0] == (1, 1.836, "[coughs]")


def test_repeats_are_one_cue_and_others_share_one():
    assert shown(Event(1, 1.3, "cough"), Event(1.7, 2, "cough"), Event(2.4, 2.9, "cough")) == [
        (1, 2.9, "[coughs]")
    ]
    assert shown(Event(1, 1.3, "cough"), Event(1.4, 1.5, "sniff")) == [(1, 1.834, "[coughs, sniffs]")]
    assert shown(Event(1, 1.3, "a"), Event(1.4, 1.5, "b"), a="HE COUGHS", b="HE SNIFFS") == [
        (1, 1.834, "HE COUGHS\nHE SNIFFS")
    ]


def test_a_long_sound_goes_on_in_a_second_cue():
    assert shown(Event(0, 10, "laugh")) == [(0, 4.916, "[laughter]"), (5, 10, "[laughter continues]")]
    assert cues.label_of("[laughter continues]") == "laugh"


def test_start_is_rounded_down_and_end_up():
    (cue,) = cues.exact([Event.from_us(1_234_567, 2_345_601, "cough")], {})
    assert (cue.start_us, cue.end_us) == (1_234_000, 2_346_000)
    (cue,) = cues.exact([Event(1, 1, "cough")], {})
    assert (cue.start_us, cue.end_us) == (1 * S, 1_001_000)


@pytest.mark.parametrize("label", [*cues.TEXTS, "wow", "loud laugh", "Räuspern", "a, b", "x y continues z"])
def test_labels_come_back_from_their_texts(label):
    assert cues.label_of(cues.text_of(label, {})) == label


def test_texts_of_the_user_come_first():
    texts = {"laugh": "[HE LAUGHS]", "wow": "(wow)"}
    assert cues.text_of("laugh", texts) == "[HE LAUGHS]" and cues.label_of("[HE LAUGHS]", texts) == "laugh"
    assert cues.text_of("wow", texts) == "(wow)" and cues.label_of("(wow)", texts) == "wow"
    assert cues.text_of("", {}) == cues.text_of(" \n", {}) == "[vocal sound]"
    assert cues.label_of("How are you?") == "How are you?"
    assert cues.label_of("[a] and [b]") == "[a] and [b]"


def test_what_was_shifted_is_listed():
    plain, short = Event(1, 3, "cough"), Event(8, 8.5, "sigh")
    rows = cues.shifts(cues.readable([plain, short], {}, NETFLIX))
    assert rows == [{"start": 8.0, "end": 8.834, "text": "[sighs]", "events": [[8.0, 8.5, "sigh"]]}]


def test_an_unknown_style_names_those_there_are():
    with pytest.raises(UsageError, match="unknown cue style 'tv'; known are default, netflix"):
        cues.style("tv")


EVENTS = st.lists(
    st.builds(
        lambda onset, length, label: Event.from_us(onset, onset + length, label),
        st.integers(0, 60 * S),
        st.integers(0, 20 * S),
        st.sampled_from(["laugh", "cough", "wow"]),
    ),
    max_size=12,
)


@given(EVENTS, st.sampled_from(sorted(cues.STYLES)))
def test_cues_never_overlap_stay_readable_and_show_every_event(events, name):
    times = cues.style(name)
    made = cues.readable(events, {}, times)
    for one, two in pairwise(made):
        assert two.start_us - one.end_us >= times.gap_us
    assert all(times.least_us <= cue.end_us - cue.start_us <= times.longest_us for cue in made)
    assert {e for cue in made for e in cue.events} == set(events)
    for cue in made:
        assert any(cue.start_us // 1000 >= e.onset_us // 1000 for e in cue.events)
