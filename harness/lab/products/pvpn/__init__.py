"""pvpn, which has a command line and no other interface."""
