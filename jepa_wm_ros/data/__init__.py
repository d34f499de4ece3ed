"""Episodes: read from recordings, stored, and cut into clips."""
