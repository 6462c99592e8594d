"""What the libraries that decode have to say is held back.

SPDX-License-Identifier: Apache-2.0
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()


@contextmanager
def hold_back_warnings() -> Iterator[None]:
    """Hold back every warning, such as Pillow's and pydicom's about metadata.

    One thread at a time, since Python's filters belong to the whole process: whoever filters
    warnings beside the readers must do it here too.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
