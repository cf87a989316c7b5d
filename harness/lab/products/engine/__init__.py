"""The harness itself: our engine as the party under test, in the tester's image."""
