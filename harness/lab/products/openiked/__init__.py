"""OpenIKED, over ikectl."""
