"""What every request can reach: the open room, its model's facts, and who keeps it running.

SPDX-License-Identifier: Apache-2.0
"""

import threading
from dataclasses import dataclass, field

from fastapi import Request

from cxrlens.client.messages import Room as RoomTold
from cxrlens.serving.bundle_facts import METHODS, BundleFacts
from cxrlens.serving.lockout import LockOut
from cxrlens.serving.people import SignedIn
from cxrlens.serving.readings import Classes
from cxrlens.serving.room import Room, RoomState
from cxrlens.serving.supervision import Supervisor
from cxrlens.vocabulary import NOT_A_DEVICE, PHANTOM_MODEL

QUEUE_LIMIT = 600
"""Images whose file check waits; beyond it uploads are asked to come again."""


@dataclass(frozen=True)
class Door:
    """How the room is reached from outside."""

    hosts: tuple[str, ...]
    """Names by which browsers may call it, without ports."""

    is_https: bool = False
    """Whether a proxy in front of it speaks HTTPS: cookies then travel by that alone."""

    open_to: SignedIn | None = None
    """Who everybody is, where nobody has to sign in: only on the machine itself."""

    queue_limit: int = QUEUE_LIMIT
    """See `QUEUE_LIMIT`."""


@dataclass(frozen=True)
class Service:
    """What every request can reach."""

    room: Room
    """Open, and held by this process."""

    facts: BundleFacts
    """Of the model that answers."""

    door: Door
    """How it is reached."""

    supervisors: tuple[Supervisor, ...] = ()
    """Of its processes."""

    is_stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the service is being stopped: what streams must end."""

    lockout: LockOut = field(default_factory=LockOut)
    """Of those who fail to sign in."""

    @property
    def classes(self) -> Classes:
        """What a reading must speak of."""
        names = [one.name for one in self.facts.classes]
        return Classes(names, is_multilabel=self.facts.is_multilabel)

    def tell_room(self, state: RoomState) -> RoomTold:
        """Say what everybody in the room may know of it."""
        notices = [NOT_A_DEVICE]
        if self.facts.bundle.is_phantom:
            notices.append(PHANTOM_MODEL)
        return RoomTold(
            name=state.name,
            purpose=state.purpose,
            level=state.level,
            settings=state.settings,
            classes=self.facts.classes,
            is_multilabel=self.facts.is_multilabel,
            bundle=self.facts.bundle,
            methods=METHODS,
            notices=tuple(notices),
        )


def get_service(request: Request) -> Service:
    """Give a route the service that it belongs to."""
    service: Service = request.app.state.service
    return service
