"""Agreement of two annotators."""

import numpy as np
import pytest

from vbannotate.agreement import agreement, cohen, fitted, kappa_ipf
from vbannotate.events import Annotation, Event
from vbannotate.times import to_us

A = [Event(0, 1, "laugh"), Event(2, 3, "cough"), Event(4, 5, "laugh")]


def test_full_agreement_is_one_everywhere():
    found = agreement(Annotation.of(A, duration_us=to_us(10)), A)
    assert found["f1"] == found["overlap_extent"]["mean_with_unpaired"] == found["kappa_time"]["event"] == 1
    assert found["modified_kappa"] == {"linked": 3, "with_unlinked": pytest.approx(1), "linked_only": 1}


def test_cohen_of_the_textbook():
    """Two readers of 50 proposals: 20 yes/yes, 15 no/no, 5 and 10 mixed: kappa 0.4."""
    assert cohen(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert cohen(np.array([[5, 0], [0, 0]])) is None
    assert cohen(np.zeros((2, 2))) is None


def test_kappa_over_time_by_hand():
    """10 s, each speaks of 2 s, 1 s of it in common: po .8, pe .68."""
    found = agreement(Annotation.of([Event(0, 2, "x")], duration_us=to_us(10)), [Event(1, 3, "x")])
    assert found["kappa_time"]["event"] == pytest.approx((0.8 - 0.68) / (1 - 0.68))
    assert found["kappa_time"]["length_known"]
    assert found["overlap_extent"]["mean_of_pairs"] == pytest.approx(1 / 3)


def test_expected_counts_have_the_margins_and_the_impossible_cell():
    table = np.array([[20.0, 3, 4], [2, 9, 5], [6, 1, 0]])
    expected = fitted(table)
    assert expected[-1, -1] == 0
    assert expected.sum(axis=0) == pytest.approx(table.sum(axis=0))
    assert expected.sum(axis=1) == pytest.approx(table.sum(axis=1))
    odds = expected[0, 0] * expected[1, 1] / (expected[0, 1] * expected[1, 0])
    assert odds == pytest.approx(1)  # quasi-independence: no association in the possible cells


def test_modified_kappa_is_zero_where_labels_are_independent():
    margins = np.outer([0.6, 0.3, 0.1], [0.5, 0.4, 0.1])
    margins[-1, -1] = 0
    assert kappa_ipf(1000 * margins) == pytest.approx(0, abs=1e-9)


def test_a_single_label_has_no_modified_kappa():
    found = agreement([Event(0, 1, "x")], [Event(0, 1, "x"), Event(3, 4, "x")])
    assert found["modified_kappa"]["with_unlinked"] is None
    assert found["modified_kappa"]["linked_only"] is None


def test_linking_needs_sixty_percent_of_the_longer():
    def linked(offset):
        found = agreement([Event(0, 1, "a"), Event(5, 6, "b")], [Event(0, offset, "a"), Event(5, 6, "b")])
        return found["modified_kappa"]["linked"]

    assert (linked(0.6), linked(0.59)) == (2, 1)


def test_nothing_agrees_with_nothing_undefined():
    found = agreement([], [])
    assert found["f1"] is None
    assert found["overlap_extent"]["mean_of_pairs"] is None
    assert found["kappa_time"]["event"] is None
