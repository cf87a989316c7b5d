"""Misbehaviour of our engine by name, applied where a message leaves: what handlers know stays as it is."""
