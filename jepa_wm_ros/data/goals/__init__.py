"""Goal pictures that are kept: where they come from, what is known of them, where they lie."""
