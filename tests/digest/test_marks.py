from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import RenderError
from digest.marks import Mark, disarm, marks, segments, substitute
from tests.digest.samples import steady

names = st.from_regex(r"[a-z_]{1,12}(:[a-z0-9-]{1,12})?", fullmatch=True).map(lambda name: "{{" + name + "}}")
texts = st.lists(st.one_of(st.text(max_size=20), names)).map("".join)


def test_marks_are_listed_once_in_order():
    assert marks("{{name}} {{vote_url:a-vs-b}} {{name}} {{Not}} {{ x }}") == ("{{name}}", "{{vote_url:a-vs-b}}")


@steady
@given(text=texts)
def test_segments_joined_are_the_text(text):
    assert "".join(segments(text)) == text
    assert set(segments(text)[1::2]) == set(marks(text))


@steady
@given(text=texts, value=texts)
def test_a_mark_inside_a_value_is_never_expanded(text, value):
    done = substitute(text, dict.fromkeys(marks(text), value), html=False)
    assert done == value.join(segments(text)[::2])


def test_values_are_escaped_in_html_only():
    values = {"{{url}}": 'https://x.example/?a=1&b="<'}
    assert substitute('<a href="{{url}}">', values, html=True) == ('<a href="https://x.example/?a=1&amp;b=&quot;&lt;">')
    assert substitute("{{url}}", values, html=False) == values["{{url}}"]


def test_a_mark_without_a_value_is_named():
    with pytest.raises(RenderError, match=r"No value for \{\{name\}\}"):
        substitute("{{name}} {{here}}", {"{{here}}": ""}, html=False)


@steady
@given(text=st.text(alphabet="{}ab_:", max_size=40))
def test_disarmed_text_holds_no_mark(text):
    assert marks(disarm(text)) == ()


def test_a_mark_of_odd_letters_is_refused():
    with pytest.raises(RenderError):
        Mark.named("vote_url", 'A"B')
