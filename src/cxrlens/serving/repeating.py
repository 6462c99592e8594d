"""A request that is sent twice is done once.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel
from sqlalchemy import Connection, insert, select

from cxrlens.serving.clock import tell_time
from cxrlens.serving.people import SignedIn
from cxrlens.serving.policy import NotAllowed
from cxrlens.serving.tables import remembered
from cxrlens.vocabulary import Plain, digest

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=128,
        pattern=r"^([\x21-\x7e]{8,})?$",
        description="A request with a key that was used before is answered as it was then.",
    ),
]
"""Chosen by the sender, for one thing that they want done; empty for none."""


def do_once(
    connection: Connection,
    person: SignedIn,
    key: str,
    asked: tuple[str, BaseModel | None],
    do: Callable[[], Plain],
) -> Plain:
    """Do something, unless the same person did it with the same key.

    Args:
        connection: in a transaction that writes; what is done and that it was done are in it both.
        person: who asks.
        key: empty does it always.
        asked: the address and the body.
        do: does it, and gives the answer as plain JSON values.

    Returns:
        The answer, now or of then.

    Raises:
        NotAllowed: if the key was used for something else.
    """
    if not key:
        return do()
    address, body = asked
    told = digest(f"{address} {body.model_dump_json() if body else ''}".encode())
    known = connection.execute(
        select(remembered.c.asked, remembered.c.answer).where(
            remembered.c.person_id == person.id, remembered.c.key == key
        )
    ).first()
    if known is not None:
        if known.asked != told:
            raise NotAllowed(
                "key-reused", "this Idempotency-Key was used for another request: take a new one"
            )
        answer: Plain = known.answer
        return answer
    answer = do()
    connection.execute(
        insert(remembered).values(
            person_id=person.id, key=key, asked=told, answer=answer, at=tell_time()
        )
    )
    return answer
