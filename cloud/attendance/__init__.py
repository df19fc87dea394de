"""Person-days: which are stale, judging them, keeping the results. Derived, so they can be made anew."""
