"""ESP (RFC 4303) in user space: packets, security associations, anti-replay, UDP encapsulation. No sockets."""
