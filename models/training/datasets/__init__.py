"""What `models.training.evaluate` can be asked for: one module a set, each with `evaluate`."""
