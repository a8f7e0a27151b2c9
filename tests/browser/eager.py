"""Settings of the tests' servers."""

EAGER: dict[str, str] = {"CHATKERNEL_SESSION_GRACE_SECONDS": "2"}
"""Kernels of tests that are over make room for the next ones."""
