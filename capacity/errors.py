"""The one exception that the composer raises for bad requests."""


class CapacityError(ValueError):
    """A request that cannot be answered: the message names the place, the value and the way out."""
