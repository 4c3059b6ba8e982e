"""A picture in tiles: the plan, the budget, the measurements, the loop."""
