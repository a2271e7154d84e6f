"""The one exception type of this package."""


class KernelError(ValueError):
    """Input a kernel cannot answer for, or a device that is not there.

    The message names the argument, the place (case, profile, hour), the value and the way out.
    """
