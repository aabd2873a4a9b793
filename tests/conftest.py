"""Every machine runs the same tests: commands speak English in them, whatever its person speaks."""

import os

for name in ("LANGUAGE", "LC_MESSAGES", "LANG"):
    os.environ.pop(name, None)
os.environ["LC_ALL"] = "C.UTF-8"  # a test about languages sets its own
