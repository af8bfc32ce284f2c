"""The flow that tells people what waits for them: reminders of seats, and alarms."""

from __future__ import annotations

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from app import alarming, reminding
from app.wiring import open_product

_THOROUGH_AT = 4
"""The hour, in UTC, of the run that also checks every invariant: after housekeeping, before people get up."""


@flow(name="panel-reminders", timeout_seconds=1800)
def remind() -> State[None]:
    """Mail what is news to whom it concerns. Again, it tells nobody anything twice."""
    digests, letters, reopened, problems = tell()
    for problem in problems:
        get_run_logger().warning(problem)
    name = "CompletedWithFailures" if problems else "Completed"
    figures = f"{digests} reminders, {letters} alarm mails, {reopened} seats reopened, {len(problems)} not sent"
    return Completed(name=name, message=f"{figures}.")


@task(retries=2, retry_delay_seconds=[30, 120], retry_jitter_factor=0.5, cache_policy=NO_CACHE)
def tell() -> tuple[int, int, int, list[str]]:
    """One run of it: mails of each kind that went out, seats that went back to everybody, and what could not be sent.
    What went out stays known when it is tried again."""
    with open_product() as product:
        done = reminding.remind(product)
        told = alarming.tell(product, thorough=product.now.hour == _THOROUGH_AT)
    problems = [f"{each.person.email}: {each.problem}" for each in done.digests if each.problem]
    problems += [f"{each.person.email}: {each.problem}" for each in told if each.problem]
    digests, letters = (sum(not each.problem for each in some) for some in (done.digests, told))
    return digests, letters, len(done.reopened), problems
