"""The layers that a freshly forked kernel puts around itself, before it runs anything of a user's.

Only the standard library: it runs in the kernel's own interpreter, single-threaded, after a fork.
What is applied is a `Plan`, which the server makes; `apply` has the order.
"""
