"""Train our own networks, on pictures that we draw."""
