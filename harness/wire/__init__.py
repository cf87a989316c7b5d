"""Octets of IKEv2 messages to frozen dataclasses and back, without loss (RFC 7296 section 3)."""
