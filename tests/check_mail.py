"""`python -m tests.check_mail [--shots FOLDER]`: every mail before the tools that know mails, and pictures to look at.

What is checked, for each mail of `templates/mail/` with sample content:
- our HTML, compiled by mjml-python, looks in Chromium as that of the reference compiler does (npm `mjml` on Node 22),
  pixel by pixel at a desktop's and a phone's width, in light and dark; the reference finds nothing wrong in the source;
- axe-core, at three widths, in light and dark, and with its styles taken away;
- html-validate, with the rules off that are inherent in mails;
- the data of caniemail.com: what a large mail program does not know must be on our list, with what becomes of it there;
- SpamAssassin, its local tests, on the finished message;
- rules that no tool knows: size, links, marks, metas, roles, the widths that Outlook is given, the text part.

The tools come from the npm registry into a temporary folder and are gone afterwards; SpamAssassin is the system's
(Debian: installed when run as root). What cannot be run here is listed at the end; where CI is set, that is a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from lxml import html as lxml_html
from playwright.sync_api import Browser, Error, Page, sync_playwright

from core.delivery import Mail, Outgoing, Recipient
from digest.compose import Correction, Digest, hello
from digest.headers import edition_headers, unsubscribe_headers
from digest.marks import CONFIRMED_ON, HELLO, marks, substitute
from digest.markup import BODY_WIDTH
from digest.render import SIZE_LIMIT, MailParts, fill_in, render_letter
from digest.transports.message import Messages
from tests.conftest import NOW
from tests.digest.samples import digest_of, many_views, sample_view
from tests.mail.letters import BASE, FOOT, LETTERS
from tests.prepare import browser

TOOLS = ("mjml@5", "axe-core@4", "html-validate", "caniemail@1", "node@22")
SCHEMES = ("light", "dark")
COMPARED_AT = (700, 360)
AXE_AT = (320, 375, 700)
SPAM_LIMIT = 2.0  # points; SpamAssassin itself calls 5 spam

HTML_RULES = {
    "extends": ["html-validate:recommended"],
    "rules": {
        # Inherent in mails: styles stand inline, Outlook has its comments, tables make the layout.
        "no-inline-style": "off",
        "no-deprecated-attr": "off",
        "no-conditional-comment": "off",
        "void-style": "off",
        "doctype-style": "off",
        "prefer-native-element": "off",
        "attribute-allowed-values": "off",
        # A comparison's table has one row and one column of heads: what they head is plain without a scope for each.
        "wcag/h63": "off",
        "prefer-tbody": "off",
        # A subject is as long as the names of the tools.
        "long-title": "off",
    },
}

PROGRAMS = ("gmail.*", "outlook.*", "apple-mail.*", "yahoo.*")
FORGIVEN = {
    "the mail without its styles: readable in order, widths are attributes": {
        "<style> element",
        "<body> element",
        "!important keyword",
        "@media",
        "Chaining selectors",
        "Class selector",
        "Descendant combinator",
        "ID selector",
        "Type selector",
    },
    "another size, space, colour or rule than meant": {
        "background",
        "border",
        "border-radius",
        "display",
        "font-size",
        "font-weight",
        "height property",
        "letter-spacing",
        "line-height",
        "margin",
        "max-width",
        "padding",
        "text-align",
        "text-decoration",
        "text-transform",
        "transform",
        "width attribute",
        "width property",
    },
    "columns of a table as wide as their words, long words whole": {
        "table-layout",
        "word-break",
        "overflow",
    },
    "resets that the compiler writes for other programs": {
        "align attribute",
        "cursor",
        "opacity",
        "outline",
        "target attribute",
        "word-spacing",
        "direction",
    },
    "the preheader shows as the first line": {"display:none"},
    "numbers or dots of a list in another place": {"<ul>, <ol> and <dl>"},
    "a screen reader is told less": {"aria-label attribute", "dir attribute", "lang attribute", "role attribute"},
}


class ToolError(Exception):
    """A tool that a check needs is not here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One mail: the MJML that its templates make, and what becomes of it."""

    name: str
    source: str
    parts: MailParts


def samples() -> list[Sample]:
    """Every mail, the digest in its kinds; marks filled in as for one reader."""
    small = digest_of(many_views(3), intro="Three pairs this week.\n\nOne convinced all.", left_over=2)
    told = Correction(about="compare/ada-vs-bea", name="Ada vs Bea", note="The entry price is 20 USD, not 10.")
    kinds: dict[str, Digest] = {
        "digest": digest_of([sample_view()], intro="One pair.", corrections=[told]),
        "digest-large": digest_of(many_views(25)),
        "digest-variant": digest_of(many_views(6)[:2], also=many_views(6)[2:]),
        "digest-best-of": digest_of(
            many_views(6)[:4],
            also=many_views(6)[4:],
            best_of="October 2026",
            closed=[many_views(1)[0].slug],
            left_over=3,
        ),
        "digest-small": replace(small, subject="“Quotes” & <signs>, née 日本"),
    }
    found = [_sample(name, "digest", {"digest": digest}) for name, digest in kinds.items()]
    return found + [_sample(name, name, {**FOOT, **context}) for name, context in LETTERS.items()]


def _sample(name: str, template: str, context: dict[str, object]) -> Sample:
    _, _, source = fill_in(template, context)
    parts = render_letter(template, context)
    words = {CONFIRMED_ON: "3 May 2026", HELLO: hello("Ada Lovelace")}
    values = {
        mark: words.get(mark, f"{BASE}/{mark.strip('{}').partition(':')[0]}/token?a=1&b=2")
        for mark in marks(parts.html + parts.text)
    }
    filled = MailParts(
        subject=parts.subject,
        html=substitute(parts.html, values, html=True),
        text=substitute(parts.text, values, html=False),
    )
    return Sample(name=name, source=substitute(source, values, html=True), parts=filled)


# ------------------------------------------------------------ tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where the tools lie, and a browser."""

    folder: Path
    browser: Browser
    shots: Path | None

    def node(self, program: str, *arguments: str) -> str:
        """Run a module on Node 22. Returns what it prints."""
        file = self.folder / "run.mjs"
        file.write_text(program, encoding="utf-8")
        node = self.folder / "node_modules" / ".bin" / "node"
        done = subprocess.run(
            [node, file, *arguments], cwd=self.folder, capture_output=True, text=True, check=False, timeout=300
        )
        if done.returncode:
            raise RuntimeError(f"node: {done.stderr[-2000:]}")
        return done.stdout


def fetch(folder: Path) -> None:
    """The tools, from the registry."""
    if shutil.which("npm") is None:
        raise ToolError("npm is not here (Debian: apt-get install npm)")
    done = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", *TOOLS],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        raise ToolError(f"npm cannot fetch {', '.join(TOOLS)}: {done.stderr.strip()[-300:]}")


def shown(page: Page, html: str) -> None:
    """Show a mail; what it would load from elsewhere is refused, and counts as an error of the page."""
    page.set_content(html, wait_until="load")


# ------------------------------------------------------------ checks


_REFERENCE = """
import mjml2html from 'mjml'
import fs from 'node:fs'
const found = {}
for (const [name, source] of Object.entries(JSON.parse(fs.readFileSync('sources.json', 'utf8')))) {
  const made = await mjml2html(source, { fonts: {}, validationLevel: 'soft', keepComments: true })
  found[name] = { html: made.html, errors: made.errors.map(each => each.formattedMessage ?? String(each)) }
}
fs.writeFileSync('reference.json', JSON.stringify(found))
"""


def against_the_reference(bench: Bench, mails: list[Sample]) -> list[str]:
    """Where our compiler's mail looks unlike the reference compiler's."""
    (bench.folder / "sources.json").write_text(json.dumps({each.name: each.source for each in mails}), encoding="utf-8")
    bench.node(_REFERENCE)
    reference = json.loads((bench.folder / "reference.json").read_text(encoding="utf-8"))
    found = []
    page = bench.browser.new_page()
    for mail in mails:
        theirs = reference[mail.name]
        found += [f"{mail.name}: the reference compiler says {error}" for error in theirs["errors"]]
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            for width in COMPARED_AT:
                page.set_viewport_size({"width": width, "height": 900})
                pictures = []
                for html in (mail.parts.html, theirs["html"]):
                    shown(page, html)
                    pictures.append(page.screenshot(full_page=True))
                if bench.shots is not None:
                    (bench.shots / f"{mail.name}-{scheme}-{width}.png").write_bytes(pictures[0])
                if pictures[0] != pictures[1]:
                    found.append(f"{mail.name} {scheme} {width}: looks unlike the reference compiler's")
    page.close()
    return found


# Landmarks belong to the page of the mail program, in which the mail is shown.
_AXE = """axe.run({ rules: { region: { enabled: false }, 'landmark-one-main': { enabled: false } } })
  .then(r => r.violations)"""


def axe(bench: Bench, mails: list[Sample]) -> list[str]:
    """What axe-core finds, also where a mail program has dropped the styles."""
    source = (bench.folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    found = []
    page = bench.browser.new_page()
    for mail in mails:
        bare = re.sub(r"<style.*?</style>", "", mail.parts.html, flags=re.DOTALL)
        looks = [(mail.parts.html, scheme, width) for scheme in SCHEMES for width in AXE_AT] + [(bare, "light", 700)]
        for html, scheme, width in looks:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            shown(page, html)
            page.evaluate(source)
            violations = page.evaluate(_AXE)
            where = f"{mail.name} {scheme} {width}{' without styles' if html is bare else ''}"
            found += [f"{where}: {each['id']}: {each['nodes'][0]['html'][:120]}" for each in violations]
            if html is not bare and page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{where}: wider than the window")
    page.close()
    return found


def html_validate(bench: Bench, mails: list[Sample]) -> list[str]:
    """What html-validate finds."""
    for mail in mails:
        (bench.folder / f"{mail.name}.html").write_text(mail.parts.html, encoding="utf-8")
    (bench.folder / ".htmlvalidate.json").write_text(json.dumps(HTML_RULES))
    node, tool = (bench.folder / "node_modules" / ".bin" / name for name in ("node", "html-validate"))
    done = subprocess.run(
        [node, tool, "--formatter", "json=found.json", *(f"{mail.name}.html" for mail in mails)],
        cwd=bench.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"html-validate did not run: {done.stderr}")
    reports = json.loads((bench.folder / "found.json").read_text(encoding="utf-8"))
    return [
        f"{Path(report['filePath']).stem}: {each['ruleId']}: {each['message']} (line {each['line']})"
        for report in reports
        for each in report["messages"]
    ]


_CANIEMAIL = """
import { caniemail } from 'caniemail'
import fs from 'node:fs'
const [clients, ...names] = process.argv.slice(2)
const found = []
for (const name of names) {
  const { issues } = caniemail({ clients: clients.split(','), html: fs.readFileSync(`${name}.html`, 'utf8') })
  for (const kind of ['errors', 'warnings'])
    for (const [client, list] of issues[kind])
      for (const each of list) found.push([name, each.title, client])
}
fs.writeFileSync('caniemail.json', JSON.stringify(found))
"""


def can_i_email(bench: Bench, mails: list[Sample]) -> list[str]:
    """What a large mail program does not know and our list does not forgive."""
    for mail in mails:
        (bench.folder / f"{mail.name}.html").write_text(mail.parts.html, encoding="utf-8")
    bench.node(_CANIEMAIL, ",".join(PROGRAMS), *(mail.name for mail in mails))
    known = {title for titles in FORGIVEN.values() for title in titles}
    rows = json.loads((bench.folder / "caniemail.json").read_text(encoding="utf-8"))
    said = {(name, title): client for name, title, client in rows if title not in known}
    idle = known - {title for _, title, _ in rows}
    if not rows:
        return ["caniemail: found nothing at all, which no mail achieves"]
    return [f"{name}: {title} is unknown to {client}" for (name, title), client in sorted(said.items())] + [
        f"caniemail: {title} is forgiven, and no mail uses it" for title in sorted(idle)
    ]


def spam_assassin(bench: Bench, mails: list[Sample]) -> list[str]:
    """Mails that SpamAssassin's local tests give more points than we allow."""
    program = shutil.which("spamassassin") or _install_spamassassin()
    found = []
    for mail in mails:
        done = subprocess.run(
            [program, "-L", "-t"], input=message(mail), capture_output=True, check=False, timeout=300, cwd=bench.folder
        )
        points = re.search(rb"X-Spam-Status: \w+, score=(-?[\d.]+)", done.stdout)
        if points is None:
            raise ToolError(f"spamassassin gives no score: {done.stderr.decode(errors='replace')[-300:]}")
        if float(points[1]) > SPAM_LIMIT:
            tests = re.search(rb"tests=([A-Z0-9_,\s]+)", done.stdout)
            named = re.sub(rb"\s+", b"", tests[1]).decode() if tests else ""
            found.append(f"{mail.name}: {float(points[1])} points of spam: {named}")
    return found


def _install_spamassassin() -> str:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ToolError("spamassassin is not here (Debian: apt-get install spamassassin)")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "spamassassin"]):
        subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL, timeout=600)
    program = shutil.which("spamassassin")
    if program is None:
        raise ToolError("spamassassin could not be installed")
    return program


def message(mail: Sample) -> bytes:
    """The finished message, as a transport hands it over."""
    url = f"{BASE}/unsubscribe/token"
    outgoing = Outgoing(
        batch=1,
        week="2026-W47",
        mail=Mail(
            sender="Weekly Verdicts <digest@verdicts.example>",
            subject=mail.parts.subject,
            html=mail.parts.html,
            text=mail.parts.text,
            headers=edition_headers(title="Weekly Verdicts", base_url=BASE),
        ),
        recipients=(),
    )
    reader = Recipient(delivery=1, address="ada@readers.example", name="Ada", headers=unsubscribe_headers(url=url))
    return Messages(outgoing, date=NOW).build(reader)


def own_rules(bench: Bench, mails: list[Sample]) -> list[str]:
    """What no tool knows."""
    return [f"{mail.name}: {fault}" for mail in mails for fault in faults(mail.parts)]


def faults(parts: MailParts) -> list[str]:
    """What is wrong with a mail by our own rules."""
    tree = lxml_html.fromstring(parts.html)
    links = [str(link.get("href")) for link in tree.iter("a")]
    names = {meta.get("name") for meta in tree.iter("meta")}
    layout = [
        table for table in tree.iter("table") if not table.findall(".//th") and table.get("role") != "presentation"
    ]
    raw_ampersands = re.findall(r'href="[^"]*&(?!amp;|#\d+;)[^"]*"', parts.html)
    wrong = {
        f"{len(parts.html.encode())} bytes": len(parts.html.encode()) > SIZE_LIMIT,
        "a component of MJML is left": "<mj-" in parts.html,
        "a mark is left": bool(marks(parts.html + parts.text + parts.subject)),
        "no language or direction": (tree.get("lang"), tree.get("dir")) != ("en", "ltr"),
        "no viewport or colour scheme": not {"viewport", "color-scheme", "supported-color-schemes"} <= names,
        "a table for layout does not say so": bool(layout),
        "a script, form or frame": bool(tree.xpath("//script | //form | //iframe | //object | //link")),
        "something remote is loaded": bool(re.search(r"\ssrc=|@import|url\(|data:", parts.html)),
        "a bare & in an address": bool(raw_ampersands),
        "an empty link, or one that says nothing": any(
            " ".join(link.itertext()).strip().casefold() in ("", "here", "click here", "link", "more")
            for link in tree.iter("a")
        ),
        "another heading than one first": len(tree.findall(".//h1")) != 1,
    }
    found = [words for words, is_so in wrong.items() if is_so]
    found += [f"a link that is not https: {link}" for link in links if urlsplit(link).scheme != "https"]
    found += [f"a link that the text lacks: {link}" for link in links if link not in parts.text]
    return found + ghost_faults(parts.html)


def ghost_faults(html: str) -> list[str]:
    """Columns that Outlook is given and that are wider together than what holds them."""
    ghosts = "".join(re.findall(r"<!--\[if mso \| IE\]>(.*?)<!\[endif\]-->", html, flags=re.DOTALL))
    found, tables, sums = [], [float(BODY_WIDTH)], [0.0]
    for tag in re.findall(r"</?(?:table|tr|td)\b[^>]*>", ghosts):
        width = re.search(r'width(?::\s*|=")(\d+(?:\.\d+)?)(?:px)?', tag)
        if tag.startswith("<table"):
            tables.append(float(width[1]) if width else tables[-1])
        elif tag.startswith("</table"):
            tables.pop()
        elif tag.startswith("<tr"):
            sums.append(0.0)
        elif tag.startswith("</tr"):
            total = sums.pop()
            if total > tables[-1]:
                found.append(f"Outlook's columns are {total:g}px together, in {tables[-1]:g}px")
        elif tag.startswith("<td") and width:
            sums[-1] += float(width[1])
    return found + (["Outlook's tables do not close"] if len(tables) != 1 or len(sums) != 1 else [])


CHECKS: dict[str, Callable[[Bench, list[Sample]], list[str]]] = {
    "reference compiler": against_the_reference,
    "axe-core": axe,
    "html-validate": html_validate,
    "caniemail": can_i_email,
    "SpamAssassin": spam_assassin,
    "own rules": own_rules,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shots", type=Path)
    parser.add_argument("--only", choices=CHECKS, action="append", help="this check alone; may be given again")
    asked = parser.parse_args()
    shots = asked.shots
    program = browser()
    if program is None:
        sys.exit("This check needs Chromium.")
    if shots is not None:
        shots.mkdir(parents=True, exist_ok=True)
    mails, found, missing = samples(), [], {}
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        bench = Bench(folder=Path(name), browser=opened, shots=shots)
        try:
            fetch(bench.folder)
        except ToolError as reason:
            missing = dict.fromkeys(("reference compiler", "axe-core", "html-validate", "caniemail"), str(reason))
        for check, look in CHECKS.items():
            if check in missing or (asked.only and check not in asked.only):
                continue
            try:
                told = look(bench, mails)
            except (ToolError, Error, OSError, subprocess.SubprocessError) as reason:
                missing[check] = str(reason)
                continue
            told = sorted(set(told))
            found += [f"{check}: {each}" for each in told]
            sys.stdout.write(f"{check}: {len(mails)} mails, {len(told)} findings\n")
        opened.close()
    sys.stdout.write("".join(f"{each}\n" for each in found))
    sys.stdout.write("".join(f"NOT RUN {check}: {reason}\n" for check, reason in missing.items()))
    sys.exit(1 if found or (missing and os.environ.get("CI")) else 0)


if __name__ == "__main__":
    main()
