"""Recorded reference cases of training: losses and gradients, one module for each system."""
