"""Every way in which a provider is known to misbehave, by name. Each takes place so many times, or always."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import UsageError

FAULTS: Mapping[str, str] = {
    "key-revoked": "sending answers 401",
    "forbidden": "sending answers 403",
    "too-large": "sending answers 413",
    "slow-down": "sending answers 429 and names the time",
    "slow-down-silent": "sending answers 429 and names no time",
    "error-before": "sending answers 500 and takes nothing",
    "error-after": "sending answers 500 and has taken all",
    "redirect": "sending answers 302",
    "sandbox": "sending answers 200 and takes nothing, as with the sandbox left on",
    "no-message-id": "sending answers 202 without X-Message-Id",
    "stall-before": "sending takes nothing and never answers",
    "stall-after": "sending takes all and never answers",
    "hang-up-before": "sending takes nothing and closes the connection",
    "hang-up-after": "sending takes all and closes the connection",
    "bad-recipient": "sending answers 400 and names one recipient",
    "no-batch": "asking for a batch id answers 500",
    "cancel-refused": "cancelling answers 400",
    "cancel-unanswered": "cancelling works, and closes the connection",
    "log-away": "the log answers 429",
    "log-late": "the log shows nothing yet",
    "lists-away": "the suppression lists answer 500",
    "events-lost": "no event is posted",
    "events-doubled": "every event is posted 46 times",
    "events-renamed": "every event is posted again with a new id",
    "events-shuffled": "events are posted in any order",
    "events-late": "events are posted a day late",
    "events-foreign": "events of another installation are posted among ours",
    "events-badly-signed": "posts are signed with another key",
    "events-oversized": "a post is larger than anybody reads",
    "events-gzipped": "posts are compressed",
    "events-broken": "a post holds broken UTF-8",
}
"""Name -> what happens."""

ALWAYS = -1


@dataclass(slots=True, kw_only=True)
class Fault:
    """A fault that is switched on. `left` counts down to nothing; `ALWAYS` never ends. `after` spares so many calls."""

    word: str
    left: int = ALWAYS
    after: int = 0

    def strikes(self) -> bool:
        """Whether it takes place now; asking counts."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.left == 0:
            return False
        if self.left > 0:
            self.left -= 1
        return True


def read_fault(text: str) -> Fault:
    """A fault as a person writes it: `error-after`, `error-after:3` (three times), `key-revoked:1+2` (once, after two).

    Raises UsageError for a name that is none.
    """
    word, _, rest = text.strip().partition(":")
    times, _, spared = rest.partition("+")
    if word not in FAULTS:
        raise UsageError(f"{word!r} is no way to misbehave.", mend=f"Use one of: {', '.join(FAULTS)}.")
    if not all(each.isdecimal() or not each for each in (times, spared)):
        raise UsageError(f"{text!r} is no way to misbehave.", mend="Write it like error-after:3, or key-revoked:1+2.")
    return Fault(word=word, left=int(times) if times else ALWAYS, after=int(spared or 0))
