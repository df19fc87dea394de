"""A date on which a correction puts a punch right, by the minutes of its edges."""

from __future__ import annotations

from cloud.attendance.answers import Claimed
from cloud.attendance.ends import ends_of
from cloud.attendance.filled import head, named, shown, values
from cloud.attendance.places import Place, QuickDay
from cloud.attendance.presses import Clusters
from cloud.attendance.shapes import Shapes
from cloud.attendance.told import worded
from cloud.rules.minutes import MS
from models.office import CorrectionBody, OfficeRecord


def corrected(
    shapes: Shapes, place: Place, clusters: Clusters, own: range, record: OfficeRecord, claimed: Claimed
) -> QuickDay | None:
    """A final day of clusters that are its own alone; None: it does not come down to edges.

    Which edge the correction sets, and whether it may, hangs on what comes first: by the minute that is
    known where the correction is in a minute without an edge.
    """
    hours, midnight_ms = place.shape.hours, place.midnight_ms
    if hours is None or hours.free or hours.flex is not None or not isinstance(record.body, CorrectionBody):
        return None
    if clusters.directed or clusters.doubled(own.start, own.stop) is not None:
        return None
    at_ms: list[int | None] = []
    by_edge: list[bytes] = []
    for _, opening, closing in ends_of(hours, clusters.firsts[own.start : own.stop], midnight_ms):
        came = left = None
        came_by = left_by = b""
        if opening is not None:
            came = clusters.heads[own.start + opening][0] - midnight_ms
            came_by = shown(place, came // MS) + clusters.came_by[own.start + opening]
        if closing is not None:
            left = clusters.tails[own.start + closing][0] - midnight_ms
            left_by = shown(place, left // MS) + clusters.left_by[own.start + closing]
        if not hours.plainly(came, left):
            return None
        at_ms += came, left
        by_edge += came_by, left_by
    edges = tuple([None if one is None else one // MS for one in at_ms])
    says_ms = record.body.at_ms - midnight_ms
    # What is told apart of the time after the hours must not hang on it.
    if says_ms // MS in edges or says_ms >= hours.pieces[-1].end * MS:
        return None
    said = worded(shapes.plans, place, hours, edges, False, (record, claimed))  # noqa: FBT003
    if said is None or said.presence is None:
        return None
    text = said.said(values(place, by_edge, clusters, None, named(record)))
    stored = head(place, *said.presence.of([*at_ms, says_ms])) + text
    return (place.day, stored, said.state, said.rule_version, None)
