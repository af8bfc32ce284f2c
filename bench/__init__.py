"""Benchmarks: each runs beside a peer, or beside what the machine can do at all, in the same run, and prints ratios."""
