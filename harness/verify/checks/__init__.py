"""The checks, one module a topic. A module declares checks of cases with our engine, of two products, or both."""
