from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.delivery import Answer, AnswerKind, BatchState, Capabilities, DeliveryState
from core.errors import Conflict
from digest.ledger import RETRY_AFTER, TRANSITIONS, after_lease, check_transition, resolve, settle
from tests.digest.samples import steady

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)

deliveries = st.lists(st.integers(1, 12), unique=True, min_size=1)
some = st.frozensets(st.integers(1, 12), max_size=6)
answers = st.builds(
    Answer,
    kind=st.sampled_from(AnswerKind),
    not_before=st.none() | st.timedeltas(timedelta(hours=-1), timedelta(hours=1)).map(lambda delta: NOW + delta),
    refused=some.map(lambda chosen: dict.fromkeys(chosen, "no")),
    uncertain=some,
    later=some,
)


def outcome(answer: Answer, recipients: list[int]) -> dict[int, DeliveryState]:
    settled = settle(answer, recipients=recipients, now=NOW)
    return {each: settled.exceptions.get(each, settled.deliveries) for each in recipients}


@steady
@given(answer=answers, recipients=deliveries)
def test_every_answer_leads_to_an_allowed_transition(answer, recipients):
    check_transition(BatchState.SENDING, settle(answer, recipients=recipients, now=NOW).batch)


@steady
@given(answer=answers, recipients=deliveries)
def test_nobody_who_may_have_been_taken_waits_to_be_sent_again(answer, recipients):
    waiting = {DeliveryState.PENDING, DeliveryState.IN_BATCH}
    for delivery, state in outcome(answer, recipients).items():
        surely_not = (
            delivery in answer.later
            or delivery in answer.refused
            or answer.kind
            in (
                AnswerKind.REFUSED,
                AnswerKind.TOO_LARGE,
                AnswerKind.UNAUTHORISED,
                AnswerKind.LATER,
            )
        )
        if state in waiting:
            assert surely_not
        if answer.kind is AnswerKind.UNCERTAIN and not surely_not:
            assert state is DeliveryState.UNCERTAIN
        if delivery in answer.uncertain - answer.refused.keys() and answer.kind is AnswerKind.ACCEPTED:
            assert state is DeliveryState.UNCERTAIN


@steady
@given(answer=answers, recipients=deliveries)
def test_a_batch_is_never_sent_while_one_of_its_rows_is_open(answer, recipients):
    settled = settle(answer, recipients=recipients, now=NOW)
    states = set(outcome(answer, recipients).values())
    if settled.batch in (BatchState.SENT, BatchState.FAILED):
        assert not states & {DeliveryState.IN_BATCH, DeliveryState.UNCERTAIN}
    if settled.batch is BatchState.PENDING:
        assert DeliveryState.IN_BATCH in states
    if settled.batch is BatchState.UNCERTAIN:
        assert DeliveryState.UNCERTAIN in states


@steady
@given(answer=answers, recipients=deliveries)
def test_strangers_in_an_answer_are_left_aside(answer, recipients):
    assert settle(answer, recipients=recipients, now=NOW).exceptions.keys() <= set(recipients)


@steady
@given(answer=answers, recipients=deliveries)
def test_a_time_to_wait_for_is_never_past(answer, recipients):
    when = settle(answer, recipients=recipients, now=NOW).not_before
    assert when is None or when >= NOW


@steady
@given(answer=answers, recipients=deliveries)
def test_only_a_wrong_key_pauses_and_only_a_large_batch_splits(answer, recipients):
    settled = settle(answer, recipients=recipients, now=NOW)
    assert settled.pause == (answer.kind is AnswerKind.UNAUTHORISED)
    assert settled.split == (answer.kind is AnswerKind.TOO_LARGE and len(recipients) > 1)


@pytest.mark.parametrize(
    ("answer", "batch", "states"),
    [
        (Answer(kind=AnswerKind.ACCEPTED), "sent", {1: "accepted", 2: "accepted"}),
        (Answer(kind=AnswerKind.ACCEPTED, refused={1: "x"}), "sent", {1: "refused", 2: "accepted"}),
        (Answer(kind=AnswerKind.ACCEPTED, refused={1: "x", 2: "x"}), "failed", {1: "refused", 2: "refused"}),
        (Answer(kind=AnswerKind.ACCEPTED, uncertain=frozenset({2})), "uncertain", {1: "accepted", 2: "uncertain"}),
        (Answer(kind=AnswerKind.ACCEPTED, later=frozenset({2})), "sent", {1: "accepted", 2: "pending"}),
        (
            Answer(kind=AnswerKind.ACCEPTED, later=frozenset({2}), refused={1: "x"}),
            "pending",
            {1: "refused", 2: "in_batch"},
        ),
        (Answer(kind=AnswerKind.REFUSED), "failed", {1: "refused", 2: "refused"}),
        (Answer(kind=AnswerKind.REFUSED, refused={1: "x"}), "pending", {1: "refused", 2: "in_batch"}),
        (Answer(kind=AnswerKind.TOO_LARGE), "pending", {1: "in_batch", 2: "in_batch"}),
        (Answer(kind=AnswerKind.UNAUTHORISED), "pending", {1: "in_batch", 2: "in_batch"}),
        (Answer(kind=AnswerKind.LATER), "pending", {1: "in_batch", 2: "in_batch"}),
        (Answer(kind=AnswerKind.UNCERTAIN), "uncertain", {1: "uncertain", 2: "uncertain"}),
    ],
)
def test_what_each_answer_means(answer, batch, states):
    assert settle(answer, recipients=[1, 2], now=NOW).batch == batch
    assert outcome(answer, [1, 2]) == states


def test_one_recipient_that_is_too_large_fails():
    settled = settle(Answer(kind=AnswerKind.TOO_LARGE), recipients=[1], now=NOW)
    assert (settled.batch, settled.split) == (BatchState.FAILED, False)


def test_later_without_a_time_is_a_minute_from_now():
    assert settle(Answer(kind=AnswerKind.LATER), recipients=[1], now=NOW).not_before == NOW + RETRY_AFTER


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_lease_that_ran_out(idempotent):
    capabilities = Capabilities(largest_batch=1, idempotent=idempotent)
    after = {state: after_lease(state, capabilities) for state in BatchState}
    changed = {state: new for state, new in after.items() if state is not new}
    assert changed == {
        BatchState.CLAIMED: BatchState.PENDING,
        BatchState.SENDING: BatchState.PENDING if idempotent else BatchState.UNCERTAIN,
    }
    for old, new in changed.items():
        check_transition(old, new)


def test_only_the_table_s_transitions_are_allowed():
    for old, new in product(BatchState, BatchState):
        if new in TRANSITIONS[old]:
            check_transition(old, new)
        else:
            with pytest.raises(Conflict, match=f"A {old} batch cannot become {new}"):
                check_transition(old, new)


def test_a_sent_batch_never_goes_back():
    reachable, open_ends = set(), [BatchState.SENT]
    while open_ends:
        state = open_ends.pop()
        reachable.add(state)
        open_ends += TRANSITIONS[state] - reachable
    assert reachable == {BatchState.SENT, BatchState.CONFIRMED}


@pytest.mark.parametrize(
    ("reported", "called_off", "batch"),
    [(True, True, "sent"), (True, False, "sent"), (False, True, "pending"), (False, False, None)],
)
def test_only_evidence_settles_a_doubt(reported, called_off, batch):
    settled = resolve(reported=reported, called_off=called_off)
    assert (settled.batch if settled else None) == batch
    if settled:
        check_transition(BatchState.UNCERTAIN, settled.batch)
