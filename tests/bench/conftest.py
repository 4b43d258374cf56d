"""The programs of the benchmark import each other as they do when they run: from their own folder."""

import sys

from support.snippets import ROOT

sys.path.append(str(ROOT / "bench"))
