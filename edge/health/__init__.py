"""What the terminal knows of itself: machine and boot, how good its clock is, how its parts do."""
