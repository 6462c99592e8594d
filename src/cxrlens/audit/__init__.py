"""Is this data set, is this model, fooling you? Repeats, leaks, shortcuts, labels, lineage.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.audit.auditing import Audited, AuditOptions, audit, audit_collection, run_audit
from cxrlens.audit.resplitting import resplit, write_resplit

__all__ = [
    "AuditOptions",
    "Audited",
    "audit",
    "audit_collection",
    "resplit",
    "run_audit",
    "write_resplit",
]
