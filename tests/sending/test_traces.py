"""A database that is older than what was sent sends nothing."""

from __future__ import annotations

import shutil

import pytest

from app import sending, traces
from core.edition import EditionState
from core.errors import Refused, SettingsError
from tests.app.making import hold
from tests.sending.stage import WEEK, mailed, readers


@pytest.fixture
def restored(stage):
    """An edition that was sent to four of ten, and then its database of before."""
    path = stage.product.database.path
    copy = path.with_name("backup.db")
    stage.product.database.close()  # whatever is in the journal is in the file
    shutil.copy(path, copy)
    stage.send(stopping=iter([False, True, True]).__next__)
    stage.product.database.close()
    for each in path.parent.glob(f"{path.name}-*"):
        each.unlink()
    shutil.copy(copy, path)
    return stage


def test_a_restored_database_mails_nobody_again(restored):
    assert sending.status(restored.product, WEEK).recipients == 0
    for words in ("does not know 1 attempts", "is paused"):  # the second is what every other machine hears
        with pytest.raises(Refused, match=words):
            restored.send()
    restored.clock.move(hours=1)
    assert mailed(restored.provider) == readers(4)
    hold(restored.product)


def test_what_was_paused_before_it_began_begins_when_it_goes_on(restored):
    with pytest.raises(Refused, match="older"):
        restored.send()
    assert sending.resume(restored.product, WEEK, actor="oz@example.org").state is EditionState.APPROVED
    done = restored.send(again=True)
    assert (done.state, done.sent) == (EditionState.SENT, 10)


def test_whoever_says_again_means_it(restored):
    assert restored.send(again=True).state is EditionState.SENT
    restored.clock.move(hours=1)
    assert len(mailed(restored.provider)) == 14


def test_half_way_it_is_paused_for_every_machine(stage):
    stage.send(stopping=iter([False, True, True]).__next__)
    traces.leave(stage.product, WEEK, "f" * 32)
    with pytest.raises(Refused, match="older"):
        stage.send()
    assert sending.status(stage.product, WEEK).state is EditionState.PAUSED
    sending.resume(stage.product, WEEK, actor="oz@example.org")
    assert stage.send(again=True).state is EditionState.SENT


def test_half_a_line_is_no_attempt(stage):
    stage.send(stopping=iter([False, True, True]).__next__)
    with (stage.product.settings.var / "sent" / f"{WEEK}.attempts").open("a") as file:
        file.write("ffff")
    assert stage.send().state is EditionState.SENT


def test_where_nothing_can_be_written_nothing_is_sent(stage):
    (stage.product.settings.var / "sent").write_text("in the way")
    with pytest.raises(SettingsError, match="VERDICTS_VAR"):
        stage.send()
    assert [each.path for each in stage.provider.requests if each.path == "/v3/mail/send"] == []
