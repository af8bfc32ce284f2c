"""Fence, evidence, absence: what is uncertain is settled by what is known, and by nothing else."""

from __future__ import annotations

import pytest

from app import figures, sending, settling
from core.delivery import BatchState, Evidence
from core.edition import EditionState
from core.errors import NotFound, Refused
from store import audit, deliveries
from tests.sending.stage import WEEK, mailed, readers, states


def test_an_edition_goes_out_and_everybody_gets_it_once(stage_on_both):
    stage = stage_on_both
    done = stage.send()
    assert (done.state, done.sent, done.recipients) == (EditionState.SENT, 10, 10)
    assert mailed(stage.provider) == []  # the fence: nothing leaves before its time
    stage.clock.move(minutes=31)
    assert sorted(mailed(stage.provider)) == sorted(readers(10))
    assert stage.report().confirmed == 3
    assert states(stage.product.database) == {"delivered": 10}
    assert stage.provider.breaches == []


@pytest.mark.parametrize(
    "fault", ["error-before", "error-after", "hang-up-before", "hang-up-after", "redirect", "sandbox", "stall-after"]
)
def test_a_lost_answer_is_called_off_within_the_fence_and_goes_again(stage, fault):
    stage.transport.inner._line._timeout = 0.3
    stage.misbehave(f"{fault}:1")
    done = stage.send()
    assert (done.state, done.sent) == (EditionState.SENT, 10)
    stage.clock.move(minutes=40)
    assert sorted(mailed(stage.provider)) == sorted(readers(10))
    assert {each["after"]["evidence"] for each in settled(stage)} == {Evidence.CALLED_OFF}


def settled(stage):
    with stage.product.database.read() as connection:
        return [each for each in audit.entries(connection, limit=1000) if each["action"] == "batch.settle"]


def test_what_cannot_be_called_off_is_settled_by_an_event(stage):
    stage.misbehave("error-after:1", "cancel-refused")
    done = stage.send()
    assert (done.state, done.uncertain) == (EditionState.SENDING, 4)
    stage.clock.move(minutes=31)
    stage.report()
    assert {each["after"]["evidence"] for each in settled(stage)} == {Evidence.EVENT}
    done = stage.send()
    assert (done.state, done.delivered) == (EditionState.SENT, 10)
    assert sorted(mailed(stage.provider)) == sorted(readers(10))


def test_without_events_it_is_settled_by_the_provider_s_log(stage):
    stage.misbehave("error-after:1", "cancel-refused")
    stage.send()
    stage.clock.move(minutes=31)
    assert stage.send().state is EditionState.SENT
    assert {each["after"]["evidence"] for each in settled(stage)} == {Evidence.LOG}
    assert sorted(mailed(stage.provider)) == sorted(readers(10))


def test_absence_counts_only_once_a_later_control_message_is_visible(stage):
    stage.misbehave("error-before:1", "cancel-refused")
    assert stage.send().uncertain == 4
    stage.clock.move(minutes=31)
    assert stage.send().uncertain == 4  # too early for a control message
    stage.misbehave("cancel-refused", "log-late")
    stage.clock.move(minutes=10)
    assert stage.send().uncertain == 4  # it is sent, and not seen
    assert stage.send().uncertain == 4
    stage.misbehave("cancel-refused")
    done = stage.send()
    assert done.state is EditionState.SENT
    assert {each["after"]["evidence"] for each in settled(stage)} == {Evidence.ABSENCE}
    stage.clock.move(minutes=40)
    assert sorted(mailed(stage.provider)) == sorted(readers(10))
    controls = [each for each in stage.provider.account.messages if "wv_delivery" not in each.args]
    assert [each.to for each in controls] == ["verdicts@verdicts.example"]


def test_a_log_that_cannot_be_read_proves_nothing(stage):
    stage.misbehave("error-before:1", "cancel-refused", "log-away")
    stage.send()
    for _ in range(5):
        stage.clock.move(hours=1)
        assert stage.send().uncertain == 4


def test_at_most_eight_attempts_wait_for_their_fence(stage):
    stage.transport.size = 1
    stage.misbehave("error-before", "cancel-refused")
    assert stage.send().uncertain == 8
    sends = [each for each in stage.provider.requests if each.path == "/v3/mail/send"]
    assert len(sends) == 8


def test_what_was_called_off_counts_until_its_time(stage):
    stage.transport.size = 1
    stage.misbehave("error-before")
    stage.send()
    cancels = [each for each in stage.provider.requests if each.path == "/v3/user/scheduled_sends"]
    assert len([each for each in cancels if each.status == 201]) == 8
    stage.clock.move(minutes=31)
    stage.misbehave()
    assert stage.send().state is EditionState.SENT


def test_the_operator_settles_what_nothing_else_does_and_it_is_audited(stage):
    stage.misbehave("error-before:1", "cancel-refused", "log-away")
    stage.send()
    (doubt,) = figures.progress(stage.product, WEEK).doubts
    assert (doubt.recipients, doubt.answer[:3]) == (4, "500")
    with pytest.raises(NotFound):
        settling.settle_by_hand(stage.product, WEEK, doubt.batch + 1, sent=True, actor="oz@example.org")
    done = settling.settle_by_hand(stage.product, WEEK, doubt.batch, sent=False, actor="oz@example.org")
    assert (done.state, done.evidence) == (BatchState.FAILED, Evidence.OPERATOR_NOT_SENT)
    (entry,) = settled(stage)
    assert entry["actor"] == "oz@example.org"
    assert entry["before"]["answer"].startswith("500")
    assert states(stage.product.database) == {"accepted": 6, "refused": 4}
    with pytest.raises(NotFound):
        settling.settle_by_hand(stage.product, WEEK, doubt.batch, sent=True, actor="oz@example.org")


def test_settled_as_sent_it_is_never_sent_again(stage):
    stage.misbehave("error-after:1", "cancel-refused", "log-away")
    stage.send()
    (doubt,) = figures.progress(stage.product, WEEK).doubts
    settling.settle_by_hand(stage.product, WEEK, doubt.batch, sent=True, actor="oz@example.org")
    assert stage.send().state is EditionState.SENT
    stage.clock.move(minutes=31)
    assert sorted(mailed(stage.provider)) == sorted(readers(10))


def test_an_answer_that_comes_after_its_lease_settles_its_own_attempt(stage):
    late = []

    def sleep_through(point: str) -> None:
        if point == "after" and not late:
            late.append(point)
            stage.clock.move(minutes=6)
            with stage.product.database.write() as connection:
                for each in deliveries.expired(connection, WEEK, now=stage.clock()):
                    deliveries.release(connection, each, BatchState.UNCERTAIN, now=stage.clock())

    stage.provider.at = sleep_through
    assert stage.send().state is EditionState.SENT
    stage.clock.move(minutes=40)
    assert sorted(mailed(stage.provider)) == sorted(readers(10))
    assert settled(stage) == []


def test_a_revoked_key_pauses_the_edition_and_nobody_is_mailed_twice(stage):
    stage.misbehave("key-revoked:1+1")
    done = stage.send()
    assert done.state is EditionState.PAUSED
    assert "authorization grant" in (done.paused_because or "")
    with pytest.raises(Refused, match="paused"):
        stage.send()
    sending.resume(stage.product, WEEK, actor="oz@example.org")
    assert stage.send().state is EditionState.SENT
    stage.clock.move(minutes=31)
    assert sorted(mailed(stage.provider)) == sorted(readers(10))


@pytest.mark.parametrize("fault", ["slow-down", "slow-down-silent"])
def test_too_many_requests_is_waited_for(stage, fault):
    stage.misbehave(f"{fault}:1")
    assert stage.send().state is EditionState.SENT


def test_one_bad_address_never_takes_its_neighbours_along(stage):
    stage.misbehave("bad-recipient:1")
    done = stage.send()
    assert (done.sent, done.failed) == (9, 1)


def test_a_request_that_is_too_large_is_split_until_it_fits(stage):
    stage.misbehave("too-large:3")
    done = stage.send()
    assert (done.state, done.sent + done.failed) == (EditionState.SENT, 10)


def test_an_accepted_answer_without_an_id_is_accepted(stage):
    stage.misbehave("no-message-id")
    assert stage.send().state is EditionState.SENT
