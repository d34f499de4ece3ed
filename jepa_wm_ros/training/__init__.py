"""Training of world models: losses, the optimisation loop, and what is measured on the way."""
