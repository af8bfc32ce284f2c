"""What the tests of the editors' pages begin with."""

from __future__ import annotations

import re

import httpx

HOSTILE = "<script>alert(1)</script>\"'&lt;{{ 7*7 }}\u202e"


def fields(html: str, action: str) -> dict[str, str]:
    """What a form holds as it stands: hidden fields, texts and what is ticked; textareas and selects too."""
    forms = re.findall(rf'<form[^>]*action="{re.escape(action)}".*?</form>', html, re.DOTALL)
    assert forms, action
    form = forms[-1]  # an undo of what was just done may stand above it
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        held = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        ticked = held.get("type") not in ("checkbox", "radio") or re.search(r"\schecked", tag)
        if "name" in held and ticked:
            found[_plain(held["name"])] = _plain(held.get("value", ""))
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = _plain(text)
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = _plain(chosen[1]) if chosen else ""
    return found


def _plain(text: str) -> str:
    for name, sign in (("&lt;", "<"), ("&gt;", ">"), ("&#34;", '"'), ("&#39;", "'"), ("&amp;", "&")):
        text = text.replace(name, sign)
    return text


def said(client: httpx.Client, answer: httpx.Response) -> str:
    """What the page after a post says about it."""
    assert answer.status_code == 303, answer.text
    page = client.get(answer.headers["location"])
    assert page.status_code == 200
    found = re.search(r'<div class="note" role="status">\s*<p>(.*?)</p>', page.text, re.DOTALL)
    return _plain(found[1]) if found else ""


def undo(client: httpx.Client, answer: httpx.Response) -> httpx.Response:
    """Press the undo that the page after a post offers."""
    page = client.get(answer.headers["location"]).text
    note = re.search(r'<div class="note".*?<form method="post" action="([^"]*)".*?</form>', page, re.DOTALL)
    assert note is not None
    return client.post(_plain(note[1]), data=fields(note[0], _plain(note[1])))
