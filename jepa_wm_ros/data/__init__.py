"""Episodes: how they are stored, and how clips are drawn from them."""
