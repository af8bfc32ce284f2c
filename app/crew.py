"""Several processes on one edition: as many workers as the machine has cores, each with lines of its own."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from app import sending, traces
from app.sending import SendingStatus, Told
from app.settings import Settings
from app.wiring import Product, open_product
from core.errors import VerdictsError
from core.week import Week

_LOOK_EVERY = 0.5  # seconds


def send(
    product: Product,
    week: Week,
    *,
    actor: str,
    processes: int,
    told: Told | None,
    stopping: Callable[[], bool],
    again: bool = False,
) -> SendingStatus:
    """What `sending.send` does, by so many processes. This one is the first of them; the others are workers like any
    that were started by hand: when this one is killed they finish what they have begun. Raises as `sending.send`."""
    if processes == 1:
        return sending.send(product, week, actor=actor, told=told, stopping=stopping, again=again)
    if again:
        traces.forget(product, week)
    with _helpers(product.settings, week, actor=actor, many=processes - 1) as helpers:

        def asked() -> bool:
            if stopping():
                _tell_to_stop(helpers)
                return True
            return False

        sending.send(product, week, actor=actor, told=told, stopping=asked)
        for each in helpers:
            while each.is_alive() and not asked():
                each.join(_LOOK_EVERY)
    sending.finish(product, week, actor=actor)
    return sending.status(product, week)


@contextmanager
def _helpers(settings: Settings, week: Week, *, actor: str, many: int) -> Iterator[list[Any]]:
    context = multiprocessing.get_context("spawn")  # nothing of this process's connections goes along
    started = [context.Process(target=_help, args=(settings, str(week), actor)) for _ in range(many)]
    try:
        for each in started:
            each.start()
        yield started
    except BaseException:
        _tell_to_stop(started)
        raise
    finally:
        for each in started:
            if each.pid is not None:
                each.join()


def _tell_to_stop(helpers: list[Any]) -> None:
    for each in helpers:
        if each.is_alive():
            each.terminate()


def _help(settings: Settings, week: str, actor: str) -> None:
    """A helper's life: to the end of the edition, or of the batch under way when it is asked to stop."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: asked.append(got))
    # What a helper may not do the first process may not either, and says so.
    with suppress(VerdictsError), open_product(settings) as product:
        sending.send(product, Week.parse(week), actor=actor, stopping=lambda: bool(asked))
