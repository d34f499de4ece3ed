"""The `jepa-wm` command; one module for each sub-command."""
