"""strongSwan, over vici."""
