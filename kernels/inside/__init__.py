"""What runs in the kernel's own interpreter.

Imports the standard library, ipykernel and IPython, and the data libraries that the user has
imported already; nothing else of ours, so that a kernel may run in an environment of its own.
"""
