"""From a picture to who it is.

``detect`` -> ``align`` -> ``quality`` -> ``embed`` -> ``search`` -> ``track``. ``networks`` finds and
checks the two network files, ``engine`` joins the steps that need them, ``worker`` runs them on a camera in
a thread.
"""
