"""The commands: each takes apart its arguments, calls one use case, and says what came of it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter, validators

Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1_000_000))]
"""How many rows are wanted."""

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))]
"""A port of this machine; 0: any free one."""

Hour = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=23))]

Processes = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=32))]

Workers = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=64))]
"""Processes that serve together."""

Percent = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=100))]

RowId = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=2**63 - 1))]
"""The number of a seat or a question, as the database counts."""
