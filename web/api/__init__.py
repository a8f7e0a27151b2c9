"""The JSON API under ``/api``, as docs/architecture.md lists it."""
