"""Docker alone: its engine, images, networks, and what of ours it holds."""
