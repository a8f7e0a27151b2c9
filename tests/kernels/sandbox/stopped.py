"""The end of an attack that was let through and came to nothing."""


class Stopped(Exception):
    """Nothing was refused and nothing gained."""
