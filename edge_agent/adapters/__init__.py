"""One technology each, named after it. None imports another."""
