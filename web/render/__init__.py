"""Events to HTML: pure functions over `chatkernel.events`, without I/O."""
