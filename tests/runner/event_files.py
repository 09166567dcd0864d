"""Reads what TensorBoard would show of a run."""

from __future__ import annotations

from pathlib import Path

from tensorboardX.proto.event_pb2 import Event, SessionLog


def events(run_dir: Path) -> list[tuple[str, int, float]]:
    """Tag, step and value of each scalar that a reader of the event files ends with.

    An event is its length (8 bytes), a checksum (4), itself, a checksum (4). As TensorBoard does, files are read in
    the order of their names, and the start of a session takes back what was seen of its step and later ones.
    """
    found: list[tuple[str, int, float]] = []
    for path in sorted((run_dir / "tensorboard").iterdir()):
        data = path.read_bytes()
        while data:
            size = int.from_bytes(data[:8], "little")
            event = Event.FromString(data[12 : 12 + size])
            data = data[16 + size :]
            if event.session_log.status == SessionLog.START:
                found = [scalar for scalar in found if scalar[1] < event.step]
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
    return found
