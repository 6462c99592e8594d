"""The process may open as many files as it has connections.

SPDX-License-Identifier: Apache-2.0
"""

import resource

SPARE_FILES = 512
"""For what is open beside connections: the database, images, libraries."""


def allow_open_files(connections: int) -> int:
    """Raise this process's own limit on open files as far as it needs and may.

    Args:
        connections: how many there may be at once.

    Returns:
        How many connections there is room for beside `SPARE_FILES`: fewer than asked for where
        the operating system's hard limit is lower, but at least one.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return connections
    wanted = connections + SPARE_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(min(connections, max(soft, wanted) - SPARE_FILES), 1)
