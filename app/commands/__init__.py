"""The commands: each takes apart its arguments, calls one use case, and says what came of it."""
