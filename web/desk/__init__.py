"""The desk: where reviewers clear the queue, editors decide and operators see. Every route declares who may use it."""
