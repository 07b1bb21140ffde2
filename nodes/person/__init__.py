"""A live person -> a verified, consented likeness."""
