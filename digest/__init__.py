"""The digest: composing, rendering, sending, and what the provider reports back."""
