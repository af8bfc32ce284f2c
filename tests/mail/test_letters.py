"""What is true of every letter, and of the two that are lists."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import html as lxml_html

from core.errors import RenderError
from digest.letters import LONGEST, Alarm, SeatDue, alarm, reminder
from tests.mail.letters import ALARMS, BASE, FOOT, LETTERS, SEATS, letter


def links_of(html):
    return {link.get("href") for link in lxml_html.fromstring(html).iter("a")}


def addresses_of(value):
    """Every address among the values of a letter."""
    if isinstance(value, str):
        return {value} if value.startswith("https://") else set()
    if isinstance(value, (SeatDue, Alarm)):
        return {value.url}
    each = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return set().union(*map(addresses_of, each))


@pytest.mark.parametrize("name", LETTERS)
def test_every_link_stands_in_both_parts_and_no_other(name):
    parts = letter(name)
    wanted = addresses_of({**FOOT, **LETTERS[name]})
    assert links_of(parts.html) == wanted
    assert [link for link in wanted if link not in parts.text] == []


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_has_a_subject_of_one_line_a_heading_and_the_postal_address(name):
    parts = letter(name)
    tree = lxml_html.fromstring(parts.html)
    assert 0 < len(parts.subject) <= 90
    assert "\n" not in parts.subject
    assert len(tree.findall(".//h1")) == 1
    assert tree.findtext(".//h1") == tree.findtext(".//title")
    assert "10115 Berlin" in parts.html
    assert "10115 Berlin" in parts.text


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_stays_small(name):
    assert len(letter(name).html.encode()) < 16_000


def test_a_reminder_puts_the_most_urgent_first_in_both_parts():
    parts = letter("reminder")
    for part in (parts.html.split("<h1")[1], parts.text):
        assert part.index("vLLM") < part.index("SkillClaw") < part.index("Ollama")
    assert [heading.text for heading in lxml_html.fromstring(parts.html).iter("h2")] == ["Late", "Due now", "Due soon"]
    assert parts.subject == "3 verdicts are waiting, 1 of them late"
    assert "vLLM, Skeptic, with Ada" in parts.text


def test_a_reminder_of_one_seat_names_it_in_its_subject():
    parts = letter("reminder", **reminder(name="", seats=SEATS[:1], desk_url=f"{BASE}/desk"))
    assert parts.subject == "Ollama, Builder: due soon"
    assert parts.text.startswith("Hello,\n")


def test_a_reminder_without_seats_or_with_a_rung_of_its_own_is_refused():
    with pytest.raises(RenderError, match="no seats"):
        reminder(name="Ada", seats=[], desk_url=BASE)
    with pytest.raises(RenderError, match="quiet"):
        reminder(name="Ada", seats=[replace(SEATS[0], rung="quiet")], desk_url=BASE)


def test_a_long_list_ends_and_says_how_much_more_there_is():
    many = [replace(SEATS[0], tool=f"Tool {number}") for number in range(LONGEST + 4)]
    parts = letter("reminder", **reminder(name="Ada", seats=many, desk_url=BASE))
    assert parts.html.count("<li>") == LONGEST
    assert "And 4 more at the desk." in parts.html
    assert "And 4 more at the desk." in parts.text
    troubles = [replace(ALARMS[0], title=f"Source {number} is silent") for number in range(LONGEST + 2)]
    parts = letter("alarm", **alarm(alarms=troubles, desk_url=BASE))
    assert "And 2 more at the desk." in parts.html
    assert parts.subject == f"{LONGEST + 2} things need you: Source 0 is silent"


def test_an_alarm_says_what_since_when_and_what_to_do_in_both_parts():
    parts = letter("alarm")
    for part in (" ".join(lxml_html.fromstring(parts.html).itertext()), parts.text):
        shown = " ".join(part.split())
        for words in (ALARMS[0].title, ALARMS[0].words, "Since 18 November 2026", f"What to do: {ALARMS[0].mend}"):
            assert words in shown
    with pytest.raises(RenderError, match="needs an alarm"):
        alarm(alarms=[], desk_url=BASE)


def test_what_a_source_or_a_person_is_called_stays_text():
    nasty = "<script>x</script>\r\nBcc: a@b.example {{unsubscribe_url}}"
    one = letter("alarm", **alarm(alarms=[replace(ALARMS[0], title=nasty, words=nasty)], desk_url=BASE))
    other = letter("reminder", **reminder(name=nasty, seats=[replace(SEATS[0], tool=nasty)], desk_url=BASE))
    for parts in (one, other):
        assert "<script" not in parts.html
        assert "{{" not in parts.html + parts.text + parts.subject
        assert "\n" not in parts.subject
