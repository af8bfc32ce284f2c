"""Values, identifiers and rules of the domain. Standard library only; imports nothing of ours."""
