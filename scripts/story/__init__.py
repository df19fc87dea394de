"""The story of a synthetic company: what happened, what follows from it, and a site that lives through it.

``people``, ``workdays``, ``days``, ``plan`` and ``records`` are pure: the same seed and run date give the
same bytes. ``site``, ``doors``, ``live`` and ``check`` play the story on real processes.
"""
