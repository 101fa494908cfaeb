"""Faults done on purpose, by hand and at random: what a killed or starved program must not lose."""
