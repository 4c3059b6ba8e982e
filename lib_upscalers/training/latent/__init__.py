"""Train networks that enlarge the latents of one autoencoder."""
