"""Times enter once and are exact after that."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbannotate.times import format_clock, format_seconds, parse_clock, parse_seconds, to_us


@pytest.mark.parametrize(
    ("seconds", "us"),
    [
        (1, 1_000_000),
        (0.1, 100_000),
        (606.7, 606_700_000),
        (Decimal("1.0000005"), 1_000_000),
        (Fraction(1, 3), 333_333),
    ],
)
def test_seconds_are_rounded_once(seconds, us):
    assert to_us(seconds) == us


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_what_is_no_number_is_no_time(value):
    with pytest.raises(ValueError, match="not a time"):
        to_us(value)


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("90", 90_000_000),
        ("90.5", 90_500_000),
        ("1:30.5", 90_500_000),
        ("1:02:03,5", 3_723_500_000),
        ("1e-1", 100_000),
    ],
)
def test_times_as_people_type_them(text, us):
    assert parse_clock(text) == us


@pytest.mark.parametrize("text", ["", "abc", "1:2:3:4", "nan", "1,5,5"])
def test_other_text_is_refused(text):
    with pytest.raises(ValueError, match="not a time"):
        parse_clock(text)


@given(st.integers(-(10**15), 10**15))
def test_six_decimals_are_exact(us):
    assert parse_seconds(format_seconds(us)) == us


def test_fewer_decimals_round():
    assert format_seconds(1_234_567, 3) == "1.235"
    assert format_seconds(-400, 3) == "0.000"
    assert format_clock(3_723_004_999, ",") == "01:02:03,005"
