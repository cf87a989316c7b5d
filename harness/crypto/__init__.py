"""Primitives and formulas of IKEv2, by the names that its documents give them.

Every primitive comes from a library (``cryptography``, liboqs, the standard library's HMAC); what is written here is
how IKEv2 uses it: which octets go in, which come out, and what must be checked on the way.
"""
