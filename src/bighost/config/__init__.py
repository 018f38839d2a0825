"""Finds what is set, where: flags, environment, file, profile, default; and whom commands talk to.

`sources` resolves the settings of a node or a coordinator, `credentials` the coordinator that a command
talks to, `template` writes the commented file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bighost.config.credentials import (
    Credentials,
    credentials,
    local_coordinator,
    remove_local_coordinator,
    save_login,
    write_local_coordinator,
)
from bighost.config.sources import Resolved, Sourced, resolve_client, resolve_coordinator, resolve_node
from bighost.config.template import template, write_template
from bighost.settings import CoordinatorSettings, NodeSettings

__all__ = [
    "Credentials",
    "Resolved",
    "Sourced",
    "coordinator_settings",
    "credentials",
    "local_coordinator",
    "node_settings",
    "remove_local_coordinator",
    "resolve_client",
    "resolve_coordinator",
    "resolve_node",
    "save_login",
    "template",
    "write_local_coordinator",
    "write_template",
]


def node_settings(flags: Mapping[str, Any], config: Path | None = None) -> NodeSettings:
    """A node's settings from flags (by field; None: not given), environment, `config` and profile.

    Raises OperatorError.
    """
    return resolve_node(flags, config).settings


def coordinator_settings(flags: Mapping[str, Any], config: Path | None = None) -> CoordinatorSettings:
    """A coordinator's settings; as `node_settings`."""
    return resolve_coordinator(flags, config).settings
