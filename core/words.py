"""Words of a text as searching sees them: without case, marks and punctuation."""

from __future__ import annotations

import re
import unicodedata

LONGEST_WORD = 40
_LONGEST_TEXT = 2000
_WORD = re.compile(r"\w+")


def words(text: str) -> tuple[str, ...]:
    """The words of a text in their order, each once: `SmolVLM2-2B, déjà vu` gives smolvlm2, 2b, deja, vu.

    Bounded in time and in size, whatever the text is: only its first 2,000 characters count, and of a word 40.
    """
    folded = unicodedata.normalize("NFKD", text[:_LONGEST_TEXT]).casefold()
    plain = "".join(each for each in folded if not unicodedata.combining(each) and not "\ud800" <= each <= "\udfff")
    return tuple(dict.fromkeys(found[:LONGEST_WORD] for found in _WORD.findall(plain)))
