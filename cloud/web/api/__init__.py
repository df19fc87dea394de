"""For programs: the JSON API, the terminals' endpoints, health. Errors are problem+json."""
