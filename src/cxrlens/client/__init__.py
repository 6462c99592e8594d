"""Other programs speak with a reading room.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.client.reading_room import ReadingRoom, RoomRefused, answer

__all__ = ["ReadingRoom", "RoomRefused", "answer"]
