"""The exchanges, one file each. A handler is a function of (machine, state, opened message, path): the next state."""
