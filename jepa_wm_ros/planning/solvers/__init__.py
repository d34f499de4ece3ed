"""How plans are searched: one solver a file, and what they share."""
