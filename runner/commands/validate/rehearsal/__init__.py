"""What `exec` would say before its first step, asked by the functions that `exec` calls; nothing stays written.

Whatever takes long there is done in part here: of large data the first records are read, of large weights the headers.
"""

from runner.commands.validate.rehearsal.rehearse import rehearse
from runner.commands.validate.rehearsal.unaccepted import rehearse_unaccepted

__all__ = ["rehearse", "rehearse_unaccepted"]
