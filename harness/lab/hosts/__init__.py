"""What a peer stands on: a container, or a kernel of its own inside of one; how programs are run there."""
