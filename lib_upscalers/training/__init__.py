"""How our own networks are made: pictures that we draw, and the training loop."""
