"""Ingestion: sources asked and read, tools recognised and assessed. Pure but for `fetch` and `reading`."""
