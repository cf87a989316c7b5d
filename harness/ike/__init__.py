"""The IKEv2 engine, sans-IO: datagrams and times go in, datagrams and events come out (RFC 7296)."""
