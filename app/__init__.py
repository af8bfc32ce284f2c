"""Use cases: load, decide, apply. One file per group of them, over one `Product` that is wired once."""
