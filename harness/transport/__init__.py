"""The only sockets, clocks and captures: a worker inside the lab network that runs the engine against a peer."""
