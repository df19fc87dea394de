"""Where pictures come from: a webcam, or a replay that other programs steer; see ``source.open_camera``."""
