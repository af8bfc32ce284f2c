"""Values for every letter: what the tests of this folder and `make check-mail` fill the templates with."""

from __future__ import annotations

from typing import Any

from digest.letters import Alarm, SeatDue, alarm, reminder
from digest.render import MailParts, render_letter

BASE = "https://verdicts.example"
FOOT = {"home_url": f"{BASE}/", "postal_address": "Weekly Verdicts\n1 Panel Street\n10115 Berlin, Germany"}

SEATS = (
    SeatDue(
        tool="Ollama",
        lens="Builder",
        due="Tomorrow, 23 November 2026, 09:00",
        rung="soon",
        url=f"{BASE}/desk/seats/31?from=mail&day=1",
    ),
    SeatDue(
        tool="vLLM", lens="Skeptic", due="Since 20 November 2026", rung="late", url=f"{BASE}/desk/seats/7", holder="Ada"
    ),
    SeatDue(tool="SkillClaw", lens="Futurist", due="Today, 17:00", rung="due", url=f"{BASE}/desk/seats/9"),
)
ALARMS = (
    Alarm(
        title="Source hn-show is silent",
        url=f"{BASE}/desk/sources/hn-show",
        since="18 November 2026",
        words="No entry in four days; its last answer was 503.",
        mend="verdicts sources show hn-show",
    ),
    Alarm(title="Nobody is left for the lens Founder", url=f"{BASE}/desk/lenses", mend="Invite a reviewer."),
)

LETTERS: dict[str, dict[str, Any]] = {
    "confirm": {"confirm_url": f"{BASE}/confirm/t?a=1&b=2", "valid_days": 7},
    "welcome": {
        "name": "Ada",
        "preferences_url": f"{BASE}/preferences/t",
        "unsubscribe_url": f"{BASE}/unsubscribe/t",
    },
    "move": {"move_url": f"{BASE}/move/t?a=1&b=2", "valid_days": 7},
    "moved": {"new_address": "a…@new.example", "back_url": f"{BASE}/move/t?a=1&b=2", "valid_days": 30},
    "sign-in": {"name": "Grace", "sign_in_url": f"{BASE}/desk/sign-in/t?a=1&b=2", "valid_minutes": 20},
    "invitation": {
        "name": "Grace",
        "invited_by": "Edith",
        "part": "reviewer (Builder, Skeptic)",
        "sign_in_url": f"{BASE}/desk/sign-in/t?a=1&b=2",
        "desk_url": f"{BASE}/desk",
        "valid_minutes": 15,
    },
    "reminder": reminder(name="Grace", seats=SEATS, desk_url=f"{BASE}/desk"),
    "alarm": alarm(alarms=ALARMS, desk_url=f"{BASE}/desk/alarms"),
}


def letter(kind: str, /, **changes: Any) -> MailParts:
    """A letter of this name, with some values changed."""
    return render_letter(kind, {**FOOT, **LETTERS[kind], **changes})
