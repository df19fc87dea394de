"""What the office knows: leave, trips, outings, overtime, corrections, the calendar, and how they get in."""
