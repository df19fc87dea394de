"""Rules as data: drafts of them, what is wrong with a draft, whom it touches, and putting it in force."""
