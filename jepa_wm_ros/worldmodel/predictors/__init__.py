"""Predictors: latent and action to the next latent, one file for each kind."""
