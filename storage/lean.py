"""sqlite-utils without numpy and pandas.

It imports both, where they are installed, to know their types: 10 MB and part of a second at each start, for values
that no row of ours ever holds.
"""

import sys

_UNWANTED = tuple(name for name in ("numpy", "pandas") if name not in sys.modules)
for _name in _UNWANTED:
    sys.modules[_name] = None  # type: ignore[assignment]  # which makes an import of it fail
try:
    from sqlite_utils import Database as Rows
    from sqlite_utils import Migrations
    from sqlite_utils.db import TransactionError
finally:
    for _name in _UNWANTED:
        del sys.modules[_name]

__all__ = ["Migrations", "Rows", "TransactionError"]
