"""The lab: images, containers, peers and the worker's channel. Drivers act; peers/ holds the facts they act on."""
