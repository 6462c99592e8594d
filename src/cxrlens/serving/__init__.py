"""The reading room: people read, and the model reads beside them.

SPDX-License-Identifier: Apache-2.0

This process holds no network: those that work for it do (`working`), so it stays small.
"""

from cxrlens.serving.intake import receive
from cxrlens.serving.people import SignedIn, add_person, list_people, make_token
from cxrlens.serving.places import Places
from cxrlens.serving.room import Room, join_room, open_room
from cxrlens.serving.running import (
    Address,
    Answerer,
    Wish,
    find_or_add_person,
    ignore_hangup,
    serve,
)
from cxrlens.serving.trail import SYSTEM, Head, read_head
from cxrlens.serving.verifying import Verdict, verify

__all__ = [
    "SYSTEM",
    "Address",
    "Answerer",
    "Head",
    "Places",
    "Room",
    "SignedIn",
    "Verdict",
    "Wish",
    "add_person",
    "find_or_add_person",
    "ignore_hangup",
    "join_room",
    "list_people",
    "make_token",
    "open_room",
    "read_head",
    "receive",
    "serve",
    "verify",
]
