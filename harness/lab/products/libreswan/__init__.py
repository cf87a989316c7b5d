"""Libreswan, over whack."""
