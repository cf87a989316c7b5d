"""One folder a product: how it is configured, driven and read. Nothing outside of a folder knows its name."""
