"""What the documents say is true, and no file holds what it must not."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from app.cli import GROUPS

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
# Written with [.] and [/], so that this line does not find itself.
FORBIDDEN = re.compile(
    r"https?://[a-z.]*(?:pypi[.]org|pythonhosted[.]org|npmjs[.]org)|(?<![\w.~:/-])[/](?:home|root|Users|work)[/]\w"
)
LINK = re.compile(r"\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"(?:`|\$ )verdicts ([a-z]+)")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name]


def test_no_file_names_a_registry_or_a_path_of_a_machine():
    wrong = []
    for path in tracked():
        if path.suffix in (".png", ".ico") or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if FORBIDDEN.search(line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert not wrong, "\n".join(wrong)


def test_the_lock_holds_hashes_and_no_addresses():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert lock.count("--hash=sha256:") > 100
    assert re.search(r"^fastapi==0\.1[0-4]\d\.|^fastapi==0\.150\.", lock, re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document):
    text = document.read_text(encoding="utf-8")
    missing = [target for target in LINK.findall(text) if not (document.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_names_exists(document):
    assert set(COMMAND.findall(document.read_text(encoding="utf-8"))) <= GROUPS.keys()


def test_every_document_can_be_found_from_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"docs/{path.name}" in readme for path in (ROOT / "docs").glob("*.md"))


def test_the_make_targets_of_the_readme_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named <= targets
