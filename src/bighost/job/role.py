"""What a person may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Each includes the ones before it."""

    STUDENT = "student"  # hands in, sees the jobs of the own team
    STAFF = "staff"  # sees all jobs and nodes, adds assignments
    ADMIN = "admin"  # people, tokens, backups
