"""The provider's rules for `POST /v3/mail/send`: those of its OpenAPI file, and those that the file leaves out. Pure.

Source: the field descriptions of SendGrid's mail/send reference. Where the file is wrong (it types a top-level
`custom_args` as a string), the documented behaviour counts.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

MOST_RECIPIENTS = 1_000
LARGEST_REQUEST = 30_000_000  # bytes
LARGEST_ARGUMENTS = 10_000  # bytes, of substitutions and of custom arguments, per personalization
FURTHEST_AHEAD = timedelta(hours=72)
MOST_CATEGORIES = 10
MOST_GROUPS = 25

_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.?[^@\s,;<>]+")
_RESERVED = frozenset(
    {
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    }
)
_SWITCHES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "tracking_settings": {
        "click_tracking": ("enable", "enable_text"),
        "open_tracking": ("enable",),
        "subscription_tracking": ("enable",),
        "ganalytics": ("enable",),
    },
    "mail_settings": {
        "bypass_list_management": ("enable",),
        "bypass_spam_management": ("enable",),
        "bypass_bounce_management": ("enable",),
        "bypass_unsubscribe_management": ("enable",),
        "footer": ("enable",),
        "sandbox_mode": ("enable",),
    },
}
_TEXTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "tracking_settings": {
        "open_tracking": ("substitution_tag",),
        "subscription_tracking": ("text", "html", "substitution_tag"),
        "ganalytics": ("utm_source", "utm_medium", "utm_term", "utm_content", "utm_campaign"),
    },
    "mail_settings": {"footer": ("text", "html")},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One rule that a request breaks; `field` is its place in the body, empty for the body as a whole."""

    field: str
    message: str


def breaches(body: Any, *, size: int, batches: Collection[str], now: datetime) -> list[Breach]:
    """Every rule that a request breaks. `size` is its length in bytes, `batches` are the batch ids that were given."""
    if not isinstance(body, dict):
        return [Breach(field="", message="the body must be an object")]
    found = [
        *_nulls(body, ""),
        *_people(body, now),
        *_content(body),
        *_extras(body),
        *_settings(body),
        *_schedule(body, batches, now),
    ]
    if size > LARGEST_REQUEST:
        found.append(Breach(field="", message="the request is above 30 MB"))
    return found


def _nulls(value: Any, where: str) -> Iterator[Breach]:
    """A field is left out, never null; a template's data is its own affair."""
    if value is None:
        yield Breach(field=where, message="must not be null")
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        if name != "dynamic_template_data":
            yield from _nulls(inner, f"{where}.{name}" if where else str(name))


def _people(body: dict[str, Any], now: datetime) -> Iterator[Breach]:
    yield from _mailbox(body.get("from"), "from", wanted=True)
    people = body.get("personalizations")
    if not isinstance(people, list) or not 1 <= len(people) <= MOST_RECIPIENTS:
        yield Breach(field="personalizations", message="must be a list of 1 to 1000 personalizations")
        return
    addresses: Counter[str] = Counter()
    for place, one in enumerate(people):
        yield from _person(one, f"personalizations.{place}", addresses, now)
    if addresses.total() > MOST_RECIPIENTS:
        yield Breach(field="personalizations", message="more than 1000 recipients in one request")
    for address, times in addresses.items():
        if times > 1:
            yield Breach(field="personalizations", message=f"{address} stands in the request {times} times")


def _person(one: Any, where: str, addresses: Counter[str], now: datetime) -> Iterator[Breach]:
    if not isinstance(one, dict):
        yield Breach(field=where, message="must be an object")
        return
    if not isinstance(one.get("to"), list) or not one["to"]:
        yield Breach(field=f"{where}.to", message="must be a list of at least one recipient")
    for name in ("to", "cc", "bcc"):
        yield from _mailboxes(one.get(name, []), f"{where}.{name}", addresses)
    if "from" in one:
        yield from _mailbox(one["from"], f"{where}.from", wanted=True)
    if "subject" in one and not _text(one["subject"]):
        yield Breach(field=f"{where}.subject", message="must be a text of at least one character")
    for name in ("substitutions", "custom_args"):
        yield from _arguments(one.get(name, {}), f"{where}.{name}")
    if "dynamic_template_data" in one and not isinstance(one["dynamic_template_data"], dict):
        yield Breach(field=f"{where}.dynamic_template_data", message="must be an object")
    yield from _headers(one.get("headers", {}), f"{where}.headers")
    yield from _instant(one.get("send_at"), f"{where}.send_at", now)


def _mailboxes(boxes: Any, where: str, addresses: Counter[str]) -> Iterator[Breach]:
    if not isinstance(boxes, list) or len(boxes) > MOST_RECIPIENTS:
        yield Breach(field=where, message="must be a list of at most 1000 recipients")
        return
    for at, box in enumerate(boxes):
        yield from _mailbox(box, f"{where}.{at}", wanted=True)
        if isinstance(box, dict) and isinstance(box.get("email"), str):
            addresses[box["email"].casefold()] += 1


def _mailbox(box: Any, where: str, *, wanted: bool) -> Iterator[Breach]:
    if box is None and not wanted:
        return
    if not isinstance(box, dict) or not isinstance(box.get("email"), str) or not _ADDRESS.fullmatch(box["email"]):
        yield Breach(field=f"{where}.email", message="does not contain a valid address")
    elif "name" in box and not isinstance(box["name"], str):
        yield Breach(field=f"{where}.name", message="must be a text")


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _arguments(value: Any, where: str) -> Iterator[Breach]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        yield Breach(field=where, message="must be an object of texts")
    elif len(json.dumps(value, ensure_ascii=False).encode()) > LARGEST_ARGUMENTS:
        yield Breach(field=where, message="is above 10000 bytes")


def _headers(value: Any, where: str) -> Iterator[Breach]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        yield Breach(field=where, message="must be an object of texts")
        return
    for name in value:
        if name.lower() in _RESERVED:
            yield Breach(field=f"{where}.{name}", message="is a reserved header")
        if not name.isascii() or re.search(r"[\s:]", name):
            yield Breach(field=f"{where}.{name}", message="is no header's name")


def _content(body: dict[str, Any]) -> Iterator[Breach]:
    people = body.get("personalizations")
    titled = isinstance(people, list) and all(isinstance(one, dict) and _text(one.get("subject")) for one in people)
    template = body.get("template_id")
    if "subject" in body and not _text(body["subject"]):
        yield Breach(field="subject", message="must be a text of at least one character")
    elif "subject" not in body and not titled and not template:
        yield Breach(field="subject", message="is required")
    if template is not None and not isinstance(template, str):
        yield Breach(field="template_id", message="must be a text")
    yield from _parts(body.get("content"), wanted=not template)


def _parts(parts: Any, *, wanted: bool) -> Iterator[Breach]:
    if parts is None and not wanted:
        return
    if not isinstance(parts, list) or (wanted and not parts):
        yield Breach(field="content", message="must be a list of at least one part")
        return
    for place, part in enumerate(parts):
        if not isinstance(part, dict) or not _text(part.get("type")) or not _text(part.get("value")):
            yield Breach(field=f"content.{place}", message="must have a type and a value")
    kinds = [part.get("type") for part in parts if isinstance(part, dict)]
    known = [kind for kind in kinds if kind in ("text/plain", "text/html")]
    if known != sorted(known, reverse=True) or kinds[: len(known)] != known:
        yield Breach(field="content", message="text/plain comes first, then text/html, then others")


def _extras(body: dict[str, Any]) -> Iterator[Breach]:
    yield from _headers(body.get("headers", {}), "headers")
    yield from _arguments(body.get("custom_args", {}), "custom_args")
    categories = body.get("categories", [])
    if not isinstance(categories, list) or len(categories) > MOST_CATEGORIES:
        yield Breach(field="categories", message="must be a list of at most 10")
    elif not all(isinstance(each, str) and len(each) <= 255 for each in categories):  # noqa: PLR2004 - the provider's
        yield Breach(field="categories", message="must be texts of at most 255 characters")
    elif len(set(categories)) < len(categories):
        yield Breach(field="categories", message="must not repeat")
    yield from _replies(body)
    yield from _attachments(body.get("attachments", []))
    yield from _groups(body.get("asm"))
    pool = body.get("ip_pool_name")
    if pool is not None and not (isinstance(pool, str) and 2 <= len(pool) <= 64):  # noqa: PLR2004 - the provider's
        yield Breach(field="ip_pool_name", message="must be a text of 2 to 64 characters")


def _replies(body: dict[str, Any]) -> Iterator[Breach]:
    if "reply_to" in body:
        yield from _mailbox(body["reply_to"], "reply_to", wanted=True)
    boxes = body.get("reply_to_list", [])
    if not isinstance(boxes, list) or len(boxes) > MOST_RECIPIENTS:
        yield Breach(field="reply_to_list", message="must be a list of at most 1000")
        return
    for place, box in enumerate(boxes):
        yield from _mailbox(box, f"reply_to_list.{place}", wanted=True)
    if len({json.dumps(box, sort_keys=True) for box in boxes}) < len(boxes):
        yield Breach(field="reply_to_list", message="must not repeat")
    if boxes and "reply_to" in body:
        yield Breach(field="reply_to_list", message="stands beside reply_to")


def _attachments(parts: Any) -> Iterator[Breach]:
    if not isinstance(parts, list):
        yield Breach(field="attachments", message="must be a list")
        return
    for place, part in enumerate(parts):
        where = f"attachments.{place}"
        if not isinstance(part, dict) or not _text(part.get("content")) or not isinstance(part.get("filename"), str):
            yield Breach(field=where, message="must have content and a filename")
        elif "type" in part and not _text(part["type"]):
            yield Breach(field=f"{where}.type", message="must be a text of at least one character")
        elif part.get("disposition", "attachment") not in ("inline", "attachment"):
            yield Breach(field=f"{where}.disposition", message="must be inline or attachment")
        elif not isinstance(part.get("content_id", ""), str):
            yield Breach(field=f"{where}.content_id", message="must be a text")


def _groups(asm: Any) -> Iterator[Breach]:
    if asm is None:
        return
    if not isinstance(asm, dict) or not _number(asm.get("group_id")):
        yield Breach(field="asm.group_id", message="must be a number")
        return
    shown = asm.get("groups_to_display", [])
    if not isinstance(shown, list) or len(shown) > MOST_GROUPS or not all(map(_number, shown)):
        yield Breach(field="asm.groups_to_display", message="must be a list of at most 25 numbers")


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _settings(body: dict[str, Any]) -> Iterator[Breach]:
    for group, members in _SWITCHES.items():
        settings = body.get(group, {})
        if not isinstance(settings, dict):
            yield Breach(field=group, message="must be an object")
            continue
        for member, switches in members.items():
            one = settings.get(member, {})
            if not isinstance(one, dict):
                yield Breach(field=f"{group}.{member}", message="must be an object")
                continue
            for switch in switches:
                if not isinstance(one.get(switch, False), bool):
                    yield Breach(field=f"{group}.{member}.{switch}", message="must be true or false")
            for text in _TEXTS.get(group, {}).get(member, ()):
                if not isinstance(one.get(text, ""), str):
                    yield Breach(field=f"{group}.{member}.{text}", message="must be a text")


def _schedule(body: dict[str, Any], batches: Collection[str], now: datetime) -> Iterator[Breach]:
    yield from _instant(body.get("send_at"), "send_at", now)
    batch = body.get("batch_id")
    if batch is not None and (not isinstance(batch, str) or batch not in batches):
        yield Breach(field="batch_id", message="is not one that was given out")


def _instant(value: Any, where: str, now: datetime) -> Iterator[Breach]:
    if value is None:
        return
    if not _number(value):
        yield Breach(field=where, message="must be a Unix time in seconds")
    elif value > (now + FURTHEST_AHEAD).timestamp():
        yield Breach(field=where, message="is more than 72 hours ahead")
