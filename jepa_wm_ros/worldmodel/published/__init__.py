"""Published checkpoints: reading them safely, and from their keys to those of our models."""
