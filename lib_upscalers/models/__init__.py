"""Networks: find them in folders, load them, cache them."""
