"""PySide6, without its search through the source of every module that is loaded after it.

The one rule: `compose` loads it before anything else of ours, and nothing that PySide6 does for us changes.

WORKAROUND: PySide6 hooks the import statement. It reads the source of each module that comes later, to see whether
`from __feature__ import snake_case` could be meant for it, and the standard library's linecache keeps every line:
120,000 lines, 10 MB and 20 ms of a start for ours. We ask for no such feature, and then its answer is never used.
"""

import sys

import shiboken6  # noqa: F401  it sets the hook

# Where another version has no such question, nothing is changed; a test says so then.
_features = sys.modules.get("shibokensupport.feature")
if hasattr(_features, "_mod_uses_pyside"):
    setattr(_features, "_mod_uses_pyside", lambda _module: False)  # noqa: B010  mypy would object
