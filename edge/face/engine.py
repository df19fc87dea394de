"""The two networks and the steps between them. One engine belongs to one thread."""

from __future__ import annotations

import cv2

from edge.camera.frame import Picture
from edge.face.align import align
from edge.face.detect import IDLE_WIDTH, Detector, Face
from edge.face.embed import Embedder
from edge.face.networks import Networks, locate, read_cards
from edge.face.quality import DOOR, ENROLMENT, Needs, Poor, judge
from edge.face.search import Thresholds, Vector

_ENROLMENT_WIDTH = 1280
"""The detector was trained on faces up to some 300 px; it overlooks the huge ones of a telephone."""


class FaceEngine:
    """Detection and embedding. Make it with :meth:`open`.

    Attributes:
        network: id of the embedding network; templates of another one mean nothing here.
        thresholds: the embedder's.
    """

    def __init__(self, detector: Detector, embedder: Embedder, networks: Networks) -> None:
        self._detector = detector
        self._embedder = embedder
        self.network = networks.embedder.network
        self.thresholds: Thresholds = networks.thresholds

    @classmethod
    def open(cls) -> FaceEngine:
        """Load the networks of this release.

        Raises:
            NetworkUnavailable: a file is missing or is not the vetted one.
        """
        # The other cores belong to the other workers; on one core threads only add switching.
        cv2.setNumThreads(1)
        # OpenCV 5 warns of a target that nobody asked for.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_FATAL)
        networks = read_cards()
        return cls(Detector(locate(networks.detector)), Embedder(locate(networks.embedder)), networks)

    def find(self, picture: Picture) -> tuple[Face, ...]:
        """The faces in a camera's frame, largest first; those under 50 px in 640 may be missed."""
        return self._detector.find(picture, IDLE_WIDTH)

    def probe(self, picture: Picture, face: Face) -> Vector | Poor:
        """The vector of a face at the door."""
        return self._vector(picture, face, DOOR)

    def sample(self, picture: Picture) -> Vector | Poor:
        """The vector of an enrolment picture, which must show one good face."""
        faces = self._detector.find(picture, _ENROLMENT_WIDTH)
        if not faces:
            return Poor.NO_FACE
        if len(faces) > 1:
            return Poor.SEVERAL_FACES
        return self._vector(picture, faces[0], ENROLMENT)

    def _vector(self, picture: Picture, face: Face, needs: Needs) -> Vector | Poor:
        aligned = align(picture, face.landmarks)
        poor = judge(face, aligned, needs)
        return poor if poor is not None else self._embedder.embed(aligned)
