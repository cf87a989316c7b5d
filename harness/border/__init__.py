"""What comes in from outside, made harmless where it enters: text, names of files, sizes. And files written whole."""
