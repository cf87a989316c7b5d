"""A test harness for post-quantum IPsec: real peers, a scripted IKEv2 engine, a verifier, a matrix."""
