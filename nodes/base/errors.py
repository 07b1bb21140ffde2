"""The one error type that stage code raises for input it cannot use."""


class InputError(ValueError):
    """Input that cannot be used. The message says what is wrong, the value seen, and what to do.

    It never carries private data: ComfyUI shows it in the browser and keeps it in its history.
    """
