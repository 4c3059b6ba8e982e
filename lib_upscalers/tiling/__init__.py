"""Run a network over a picture in tiles: plan, measurements, loop."""
