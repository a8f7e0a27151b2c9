"""What an object is, told by its class's name, so that no library is imported to ask."""

from __future__ import annotations


def is_kind(value: object, library: str, name: str) -> bool:
    """Whether the object is of ``library``'s class ``name``, or a subclass's."""
    return any(
        cls.__name__ == name and cls.__module__.partition(".")[0] == library
        for cls in type(value).__mro__
    )


def is_table(value: object) -> bool:
    """Whether the object is a DataFrame or Series that `frames.page_of` can read."""
    return any(
        is_kind(value, library, name)
        for library in ("pandas", "polars")
        for name in ("DataFrame", "Series")
    )
