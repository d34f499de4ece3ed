"""Training of heads: small networks beside a world model that stays as it is."""
