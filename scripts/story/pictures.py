"""Real portraits for the camera: fetched by package name, checked by sha256, kept out of the repository.

The source archive of face_recognition 1.3.0 (MIT) has portraits of two public figures, the wheel of
scikit-image 0.25.2 (BSD) a public-domain photograph of an astronaut. Of the second person there is one
picture only, so theirs at the door is the same one mirrored and cropped, made here.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
KEPT_IN = HERE.parents[1] / ".state" / "pictures"

_ARCHIVED = {
    "32bit.png": "44dca895a7d635a4aedddd91a4f37af9a8a5b44e66154282a24645a757b5f627",
    "biden.jpg": "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c",
    "obama.jpg": "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6",
    "obama2.jpg": "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
    "obama3.jpg": "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3",
    "obama_partial_face.jpg": "c2d1f09e7ef3042352b41e41286e6eb0522f64f88308be13886991b95db52117",
    "obama_partial_face2.jpg": "9a812347f97633542b8cd9992de22def11b74f79d82056bc3ee830f13878e028",
}
_IN_THE_WHEEL = {"astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"}
SHA256 = _ARCHIVED | _IN_THE_WHEEL
_FETCH = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
_ARCHIVE = ("--no-binary=:all:", "--use-pep517", "--require-hashes", "-r", str(HERE / "pictures.txt"))
_WHEEL = (
    *("--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--abi=cp311"),
    *("--platform=manylinux2014_x86_64", "--require-hashes", "-r", str(HERE / "pictures_wheel.txt")),
)


class PicturesUnavailable(Exception):
    """The archives could not be fetched; the message says what the package installer said."""


class PictureTampered(Exception):
    """A picture is not the one that was checked in by its hash; it must not be used."""


@dataclass(frozen=True, slots=True)
class Portraits:
    """Pictures of one person: one to enrol from, others to show at the door."""

    enrol: Path
    door: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Pictures:
    """Two people who may be enrolled, and a stranger who must not get in."""

    staff: tuple[Portraits, Portraits]
    stranger: Path


def fetch(directory: Path = KEPT_IN) -> Pictures:
    """The pictures in ``directory``, fetched first where one is missing.

    Raises:
        PicturesUnavailable: no package index answers.
        PictureTampered: a file is there but is not the right one; delete it to fetch it again.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(not (directory / name).exists() for name in SHA256):
        _download(directory)
    for name, digest in SHA256.items():
        if hashlib.sha256((directory / name).read_bytes()).hexdigest() != digest:
            raise PictureTampered(f"{directory / name} is not the picture that was expected; delete it.")
    mirrored = _mirrored(directory / "biden.jpg", directory / "made" / "biden-mirrored.png")
    return Pictures(
        staff=(
            Portraits(directory / "obama.jpg", (directory / "obama2.jpg", directory / "obama3.jpg")),
            Portraits(directory / "biden.jpg", (mirrored,)),
        ),
        stranger=directory / "astronaut.png",
    )


def _download(directory: Path) -> None:
    with tempfile.TemporaryDirectory(dir=directory) as scratch, ThreadPoolExecutor() as pool:
        downloads = [
            pool.submit(subprocess.run, [*_FETCH, *what, "--dest", scratch], capture_output=True, text=True)
            for what in (_ARCHIVE, _WHEEL)
        ]
        for done in (download.result() for download in downloads):
            if done.returncode:
                raise PicturesUnavailable(f"The pictures could not be fetched: {done.stderr.strip()[-600:]}")
        (archive,) = Path(scratch).glob("*.tar.gz")
        (wheel,) = Path(scratch).glob("*.whl")
        with tarfile.open(archive) as tar, zipfile.ZipFile(wheel) as zipped:
            for name in _ARCHIVED:
                member = tar.extractfile(f"face_recognition-1.3.0/tests/test_images/{name}")
                _put(member.read() if member else b"", directory / name)
            for name in _IN_THE_WHEEL:
                _put(zipped.read(f"skimage/data/{name}"), directory / name)


def _put(content: bytes, path: Path) -> None:
    """All of the file or nothing of it, also when two fetch at once."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
        part.write(content)
    Path(part.name).replace(path)


def _mirrored(picture: Path, made: Path) -> Path:
    """``picture`` mirrored, cropped to its middle and a little darker: another take of one pose."""
    if not made.exists():
        import cv2

        image = cv2.imread(str(picture))
        if image is None:
            raise PictureTampered(f"{picture} is no picture; delete it.")
        height, width = image.shape[:2]
        crop = image[: height * 9 // 10, width // 20 : -width // 20]
        made.parent.mkdir(exist_ok=True)
        part = made.with_suffix(".part.png")
        cv2.imwrite(str(part), cv2.convertScaleAbs(cv2.flip(crop, 1), alpha=0.9, beta=-5))
        part.replace(made)
    return made
