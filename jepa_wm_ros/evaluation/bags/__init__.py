"""How good a model is by recordings alone: `jepa-wm bag eval`."""
