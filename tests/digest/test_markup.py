from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from core.errors import RenderError
from digest.markup import COMPONENTS, check, compile_mjml, prepare
from tests.digest.samples import steady

REFERENCE = Path(__file__).with_name("mjml_components.json")


def mail(words: str = "<p>x</p>", *, head: str = "", section: str = "", text: str = "") -> str:
    return (
        f'<mjml lang="en" dir="ltr"><mj-head><mj-title>T</mj-title>{head}</mj-head><mj-body width="600px">'
        f"<mj-section {section}><mj-column><mj-text {text}>{words}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (mail(section='padding="0 20px"'), 'padding="0 20px" may not stand in <mj-section>'),
        (mail(section='paddding="0px"'), "paddding"),
        (mail(text='color="red"'), 'color="red"'),
        (mail(text='font-size="13"'), 'font-size="13"'),
        (mail("<mj-image />"), "<mj-image> may not stand in <mj-text>"),
        (mail("<mj-section></mj-section>"), "<mj-section> may not stand in <mj-text>"),
        (mail("<p>x"), "closes nothing"),
        (mail("<p>x</b></p>"), "</b> closes nothing"),
        (mail("<script>alert(1)</script>"), "<script> has no place in a mail"),
        (mail('<img src="https://x.example/a.png" />'), "no alt text"),
        (mail("<div>" * 60 + "</div>" * 60), "deep"),
        (mail(head='<mj-style inline="inline">p{margin:0}</mj-style>'), 'inline="inline" may not stand in <mj-style>'),
        (mail(head='<mj-raw position="file-start"></mj-raw>'), 'position="file-start" may not stand in <mj-raw>'),
        (mail(head="<mj-html-attributes></mj-html-attributes>"), "<mj-html-attributes> may not stand in <mj-head>"),
        (
            mail(head='<mj-attributes><mj-class name="a" /></mj-attributes>'),
            "<mj-class> may not stand in <mj-attributes>",
        ),
        (mail(section='mj-class="a"'), 'mj-class="a" may not stand in <mj-section>'),
        (mail(mail()), "<mjml> may not stand in <mj-text>"),
        (f'<?xml version="1.0"?>{mail()}', "does not compile"),
        (mail(head="<mj-font />"), "<mj-font> may not stand in <mj-head>"),
        (mail().replace(' lang="en"', ""), "lacks lang"),
        ("<div></div>", "<div> may not stand in <nothing>"),
        (mail().replace("</mjml>", ""), "<mjml> is never closed"),
    ],
)
def test_what_the_compiler_would_pass_in_silence_is_named(source, fault):
    with pytest.raises(RenderError) as caught:
        compile_mjml(source)
    assert fault in str(caught.value)


def test_a_fine_source_passes():
    check(prepare(mail(section='padding="0px 20px"', text='color="#123456" css-class="g"')))


@pytest.mark.parametrize("words", ['say "x"', "back\\slash", "née 👩‍💻 \u00a0x", "two\nlines", "a & b < c"])
def test_a_title_reaches_its_attribute_whole(words):
    escaped = words.replace("&", "&amp;").replace("<", "&lt;")
    tree = lxml_html.fromstring(compile_mjml(mail().replace("<mj-title>T<", f"<mj-title>{escaped}<")))
    told = tree.xpath("//div[@role='article']/@aria-label")[0]
    assert told == tree.findtext(".//title") == words.replace("\n", " ")


@steady
@given(words=st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_an_attribute_keeps_what_it_says(words):
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    tree = lxml_html.fromstring(compile_mjml(mail(f'<p title="{escaped}">x</p>')))
    assert tree.xpath("//p/@title")[0] == words


def test_words_between_inline_tags_do_not_join():
    compiled = compile_mjml(mail("<p><b>one</b>\n<i>two</i>\n three\n<b>four</b></p>"))
    assert "<b>one</b> <i>two</i> three <b>four</b>" in compiled


def test_no_font_is_asked_of_anybody():
    assert "http" not in compile_mjml(mail()).replace("http://www.w3.org/1999/xhtml", "").replace("http-equiv", "")


def test_our_table_promises_nothing_that_the_reference_compiler_does_not_know():
    """What it knows of the components that we use is from npm mjml 5.4.1."""
    known = json.loads(REFERENCE.read_text())
    names = known["attributes"].keys() | known["children"].keys()
    assert names == COMPONENTS.keys() - {"mj-all"}
    for name in names:
        component = COMPONENTS[name]
        if name in known["attributes"]:
            assert component.attributes.keys() <= set(known["attributes"][name].split()), name
        if name in known["children"] and name != "mj-attributes":
            assert component.children <= set(known["children"][name].split()), name
