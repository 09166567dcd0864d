"""optimization/adafactor: the keys of Adafactor."""

from __future__ import annotations

from schema.section import Section, key


class Adafactor(Section):
    """optimization/adafactor: second moments of matrices kept as one number a row and one a column; no first moment."""

    min_dim_size_to_factor: int = key(
        128, "Matrices of which a side is shorter keep their whole second moment.", ge=1, change="breaking"
    )
    decay_rate: float = key(
        0.8, "The second moment's decay at step t is 1 - t ** -decay_rate.", gt=0, le=1, change="breaking"
    )
    eps: float = key(1e-30, "Added to squared gradients.", gt=0, le=1, change="breaking")
    clipping_threshold: float | None = key(
        1.0, "Largest root mean square of the update of one matrix; null does not clip.", gt=0, change="breaking"
    )
    multiply_by_parameter_scale: bool = key(
        False, "Multiply the update of each matrix by the root mean square of its weights.", change="breaking"
    )
