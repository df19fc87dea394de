"""The other end of the wire: a sensor that lives on a pseudo-terminal.

``fingers`` makes features of a finger's name, ``library`` keeps templates in a folder, ``sensor`` behaves
as the module does, ``faults`` spoil its answers, ``line`` is its end of the wire, ``control`` the tester's
hand, ``port`` the pty, ``peer`` the loop that joins them. Scores follow a curve of our own: no vendor
publishes one, so nothing here says how well a real sensor matches.
"""
