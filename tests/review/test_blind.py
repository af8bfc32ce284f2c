from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from core.panel import Role
from review.blind import PUBLIC, Viewer, visible
from tests.review.making import panel

VERDICTS = tuple(replace(verdict, seat=seat) for seat, verdict in enumerate(panel("++-"), start=1))
EDITOR = Viewer(roles=frozenset({Role.EDITOR}))
OPERATOR = Viewer(roles=frozenset({Role.OPERATOR}))
JUDGED = Viewer(roles=frozenset({Role.REVIEWER}), seats=frozenset({1, 77}))
NOT_YET = Viewer(roles=frozenset({Role.REVIEWER}), seats=frozenset({77}))
EDITOR_WHO_JUDGES = Viewer(roles=frozenset({Role.REVIEWER, Role.EDITOR}), seats=frozenset({77}))


@pytest.mark.parametrize(
    ("viewer", "published", "may_judge", "sees"),
    [
        (PUBLIC, False, False, False),
        (PUBLIC, True, False, True),
        (OPERATOR, False, False, False),
        (OPERATOR, True, False, True),
        (NOT_YET, False, True, False),
        (NOT_YET, True, True, False),  # published does not lift the blind from somebody who can still judge
        (NOT_YET, False, False, False),
        (NOT_YET, True, False, True),
        (JUDGED, False, False, True),
        (JUDGED, True, False, True),
        (JUDGED, False, True, False),  # they could take it back and give another: until they ask for the panel
        (EDITOR, False, False, True),
        (EDITOR, True, False, True),
        (EDITOR_WHO_JUDGES, False, True, False),  # until they have given up judging
        (EDITOR_WHO_JUDGES, True, True, False),
        (EDITOR_WHO_JUDGES, False, False, True),
    ],
)
def test_who_sees_the_verdicts_of_a_tool(viewer, published, may_judge, sees):
    found = visible(VERDICTS, viewer=viewer, published=published, may_judge=may_judge)
    assert found.verdicts == (VERDICTS if sees else ())
    assert found.hidden is not sees


EVERYBODY = [PUBLIC, OPERATOR, NOT_YET, JUDGED, EDITOR, EDITOR_WHO_JUDGES]


@pytest.mark.parametrize(("viewer", "published"), list(itertools.product(EVERYBODY, [True, False])))
def test_what_is_hidden_does_not_even_say_whether_it_exists(viewer, published):
    others = tuple(verdict for verdict in VERDICTS if verdict.seat not in viewer.seats)
    some = visible(others, viewer=viewer, published=published, may_judge=True)
    none = visible((), viewer=viewer, published=published, may_judge=True)
    assert some == none or not some.hidden


def test_a_reviewer_no_longer_is_the_public():
    former = Viewer(seats=JUDGED.seats)
    assert visible(VERDICTS, viewer=former, published=False, may_judge=False).hidden


def test_two_reviewers_of_one_name_do_not_see_for_each_other():
    namesakes = tuple(replace(verdict, reviewer="A reviewer") for verdict in VERDICTS)
    assert visible(namesakes, viewer=NOT_YET, published=False, may_judge=True).hidden


def test_what_is_hidden_is_explained():
    assert visible(VERDICTS, viewer=NOT_YET, published=False, may_judge=True).why
