"""Templates compiled once for all tests: each test has an application of its own, which would compile them anew."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from jinja2 import Environment
from jinja2.bccache import Bucket, BytecodeCache

from web import pages


class Compiled(BytecodeCache):
    """What was compiled, by template."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def compiled_templates() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "Environment", partial(Environment, bytecode_cache=Compiled()))
        yield
