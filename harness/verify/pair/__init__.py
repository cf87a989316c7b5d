"""Judging two products: by the wire between them, whose keys nobody has, and by what both say of themselves."""
