"""Draw the pictures that our networks are trained on."""
