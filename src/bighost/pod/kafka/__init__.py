"""What the framework `kafka` is made of: plan, broker, the programs of a run, and checks on the log."""

from __future__ import annotations

import bighost.pod.frameworks  # noqa: F401 - the registry imports us, we its splits and parts: it goes first
