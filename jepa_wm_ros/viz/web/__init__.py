"""The page of `jepa-wm view`: the scene in a browser, with buttons. Needs viser."""
