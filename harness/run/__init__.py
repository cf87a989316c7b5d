"""Planner and runner: cases decided before anything starts, then played side by side; everything told as events."""
