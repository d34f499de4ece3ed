"""How fast a model plans, against the same weights run as the published code runs them."""
