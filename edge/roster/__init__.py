"""Who the terminal is and whom it may know: claim, people, both kept for the days without a network."""
