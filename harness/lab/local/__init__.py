"""The laboratory without Docker: processes on loopback, with no right beyond a user's."""
