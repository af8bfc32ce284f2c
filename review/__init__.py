"""The panel's rules: queue, tally, scorecard, who may see what, and pairing. Pure functions over values of core."""
