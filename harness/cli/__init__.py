"""Words and exit codes; no logic."""
