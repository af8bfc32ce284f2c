"""Counters of this process, in Prometheus's terms."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram


class Counting:
    """What the web counts. One per application, so that two in one process never meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "verdicts_web_request_seconds",
            "Seconds from a request to the end of its answer, by kind of page and status.",
            ["page", "status"],
            registry=self.registry,
            buckets=(0.001, 0.005, 0.02, 0.05, 0.2, 1, 5),
        )
        self._refused = Counter(
            "verdicts_web_refused",
            "Uses of a form or of a mail's link that were refused, by what they were of and why.",
            ["form", "why"],
            registry=self.registry,
        )

    def answered(self, page: str, status: int, seconds: float) -> None:
        """Count an answer. `page` is the first part of its address: few, whatever is asked for."""
        self._requests.labels(page, str(status)).observe(seconds)

    def refused(self, form: str, why: str) -> None:
        """Count a refusal: `stale`, `refused` (forged, run out, not theirs), `too_many`, `other_site`."""
        self._refused.labels(form, why).inc()
