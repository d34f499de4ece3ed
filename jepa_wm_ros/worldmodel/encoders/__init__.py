"""Encoders: pictures to tokens, one file for each kind."""
