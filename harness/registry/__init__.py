"""IANA numbers, names and sizes of IKEv2. Open: an unknown number stays a number, it never raises."""
