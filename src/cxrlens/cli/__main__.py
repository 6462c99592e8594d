"""`python -m cxrlens.cli`: the same as `cxrlens`.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.cli.main import main

if __name__ == "__main__":
    main()
