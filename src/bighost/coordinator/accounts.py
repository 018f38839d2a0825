"""Who may do what: people and their tokens, join tokens, and the nodes that have enrolled.

All of it is small, so it is held in memory and written through to the store before it counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from bighost.clock import Clock, seconds
from bighost.coordinator import tokens
from bighost.errors import OperatorError, Refused
from bighost.job import ids
from bighost.job.role import Role
from bighost.store.base import Changes, NodeRecord, Store, Token, TokenKind, User
from bighost.wire.http import EnrolRequest, NewToken, NewUser
from bighost.wire.messages import Join, Profile

replace = msgspec.structs.replace
KEY_LENGTH = 40  # of a CURVE key in Z85


class NotThere(OperatorError):
    """There is none of this name."""


class Accounts:
    """Users, tokens and nodes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._users: dict[str, User] = {}
        self._tokens: dict[str, Token] = {}
        self._nodes: dict[str, NodeRecord] = {}

    async def load(self) -> None:
        """Read everything from the store."""
        self._users = {u.name: u for u in await self._store.users()}
        self._tokens = {t.digest: t for t in await self._store.tokens()}
        self._nodes = {n.key: n for n in await self._store.nodes()}

    # -- people

    def user_of(self, token: str) -> User | None:
        """The user whom a bearer token opens the API for, None when it opens nothing."""
        kept = self._tokens.get(tokens.digest(token))
        if kept is None or kept.kind is not TokenKind.USER or not kept.good(self._clock()):
            return None
        return self._users.get(kept.subject)

    def why_not(self, token: str) -> str:
        """What is wrong with a bearer token that opens nothing, as the end of a sentence."""
        kept = self._tokens.get(tokens.digest(token))
        if kept is None:
            return "is unknown"
        if kept.revoked:
            return "was revoked"
        return "opens nothing here" if kept.good(self._clock()) else "has expired"

    def users(self) -> list[User]:
        """All users, by name."""
        return sorted(self._users.values(), key=lambda user: user.name)

    async def add_users(self, people: Sequence[NewUser], *, update: bool = False) -> list[tuple[User, str]]:
        """Add people, all or none; each comes back with a new token.

        With `update` those who are there already are changed, and get no token (an empty string). Raises
        OperatorError on a name that can't be one, comes twice, or is there already, and when nobody would be
        left who may do everything.
        """
        now = self._clock()
        twice = [name for name, times in Counter(p.name for p in people).items() if times > 1]
        if twice:
            raise OperatorError(f"{twice[0]!r} comes more than once", hint="Nobody was added.")
        known = [p.name for p in people if p.name in self._users]
        if known and not update:
            raise OperatorError(
                f"{known[0]!r} is there already",
                hint="Nobody was added; --update changes those who are there.",
            )
        users, kept, told = [], [], []
        for person in people:
            team = person.team or person.name
            if not ids.is_name(person.name) or not ids.is_name(team):
                raise OperatorError(
                    f"{person.name!r} of team {team!r} can't be added",
                    hint="Names have letters, digits, '.', '_' and '-', at most 64.",
                )
            user = User(name=person.name, role=person.role, team=team, email=person.email, created=now)
            secret = ""
            if person.name not in self._users:
                secret, token = tokens.new(TokenKind.USER, person.name, now)
                kept.append(token)
            users.append(user)
            told.append(secret)
        after = self._users | {u.name: u for u in users}
        if self._users and not any(u.role is Role.ADMIN for u in after.values()):
            raise OperatorError(
                "then nobody would be admin any more", hint="Give another user that role first."
            )
        await self._store.commit(Changes(users=users, tokens=kept))
        self._users = after
        self._tokens |= {t.digest: t for t in kept}
        return list(zip(users, told, strict=True))

    # -- tokens

    def tokens(self) -> list[Token]:
        """All tokens, the oldest first."""
        return sorted(self._tokens.values(), key=lambda token: token.created)

    async def new_token(self, wanted: NewToken) -> tuple[str, Token]:
        """A token for a user, or a join token. Raises OperatorError when there is no such user."""
        if wanted.user and wanted.user not in self._users:
            raise OperatorError(f"there is no user {wanted.user!r}", hint="See `bighost users list`.")
        now = self._clock()
        expires = None if wanted.expires_in_s is None else now + seconds(wanted.expires_in_s)
        kind = TokenKind.USER if wanted.user else TokenKind.JOIN
        profiles = () if wanted.user else wanted.profiles
        told, kept = tokens.new(kind, wanted.user or "join", now, expires=expires, profiles=profiles)
        await self.keep_token(kept)
        return told, kept

    async def keep_token(self, kept: Token) -> None:
        """Write a token, new or changed."""
        await self._store.commit(Changes(tokens=[kept]))
        self._tokens[kept.digest] = kept

    async def revoke(self, short: str) -> Token:
        """Revoke the token whose digest starts so. Raises NotThere when there isn't exactly one."""
        found = [t for t in self._tokens.values() if t.digest.startswith(short)] if len(short) >= 6 else []
        if len(found) != 1:
            raise NotThere(
                f"no single token is named {short!r}", hint="See `bighost coordinator token list`."
            )
        if self._opens_everything(found[0]) and not any(
            self._opens_everything(t) for t in self._tokens.values() if t.digest != found[0].digest
        ):
            raise OperatorError(
                "this is the last admin token", hint="Make another one first: bighost users token NAME."
            )
        revoked = replace(found[0], revoked=True)
        await self.keep_token(revoked)
        return revoked

    def is_admin(self, told: str) -> bool:
        """Whether a token opens everything."""
        kept = self._tokens.get(tokens.digest(told))
        return kept is not None and self._opens_everything(kept)

    async def new_admin(self, name: str) -> str:
        """Make `name` an admin, whoever it was, and return a new token for it."""
        now = self._clock()
        user = User(name=name, role=Role.ADMIN, team="staff", created=now)
        told, kept = tokens.new(TokenKind.USER, name, now)
        await self._store.commit(Changes(users=[user], tokens=[kept]))
        self._users[name] = user
        self._tokens[kept.digest] = kept
        return told

    def is_good(self, told: str) -> bool:
        """Whether a token still opens something."""
        kept = self._tokens.get(tokens.digest(told))
        return kept is not None and kept.good(self._clock())

    def _opens_everything(self, kept: Token) -> bool:
        user = self._users.get(kept.subject) if kept.kind is TokenKind.USER else None
        return user is not None and user.role is Role.ADMIN and kept.good(self._clock())

    # -- nodes

    def node(self, key: str) -> NodeRecord | None:
        """An enrolled node that was not forgotten, by its key."""
        record = self._nodes.get(key)
        return None if record is None or record.forgotten else record

    def node_name(self, key: str) -> str:
        """What people call the node of this key, forgotten or not; empty where there never was one."""
        record = self._nodes.get(key)
        return "" if record is None else record.name

    def node_of(self, token: str) -> NodeRecord | None:
        """The node that a node's bearer token belongs to."""
        kept = self._tokens.get(tokens.digest(token))
        if kept is None or kept.kind is not TokenKind.NODE or not kept.good(self._clock()):
            return None
        return self.node(kept.subject)

    def nodes(self) -> list[NodeRecord]:
        """All nodes that were not forgotten, by name."""
        return sorted((n for n in self._nodes.values() if not n.forgotten), key=lambda node: node.name)

    def named(self, name: str) -> NodeRecord:
        """The node of this name or key. Raises NotThere when there is none."""
        for record in self.nodes():
            if name in (record.name, record.key):
                return record
        raise NotThere(f"there is no node {name!r}", hint="See `bighost nodes list`.")

    async def enrol(self, request: EnrolRequest) -> tuple[NodeRecord, str]:
        """Let a machine become a node: its record, and its own token. Raises Refused with the reason."""
        self._check_join_token(request.token, request.profile)
        if len(request.public_key) != KEY_LENGTH:
            raise Refused("the public key is not a CURVE key")
        known = self._nodes.get(request.public_key)
        if known is not None and known.forgotten:
            raise Refused(
                "staff have removed this node", hint="Give it another --data folder to join as a new one."
            )
        now = self._clock()
        record = NodeRecord(
            key=request.public_key,
            name=self._free_name(request.name, request.public_key),
            profile=request.profile,
            enrolled=now,
        )
        told, kept = tokens.new(TokenKind.NODE, record.key, now)
        await self._store.commit(Changes(nodes=[record], tokens=[kept]))
        self._nodes[record.key] = record
        self._tokens[kept.digest] = kept
        return record, told

    async def greeted(self, record: NodeRecord, join: Join) -> None:
        """Remember what a node said of itself."""
        said = msgspec.to_builtins(
            {"software": join.software, "instance": join.instance, "runtime": join.runtime}
        )
        said |= {
            "capacity": msgspec.to_builtins(join.capacity),
            "credit": msgspec.to_builtins(join.credit),
            "system": msgspec.to_builtins(join.system),
            "settings": join.settings,
        }
        record = replace(record, last_join=said, last_seen=self._clock())
        await self._store.commit(Changes(nodes=[record]))
        self._nodes[record.key] = record

    async def forget(self, record: NodeRecord) -> None:
        """Revoke a node's key for good."""
        gone = replace(record, forgotten=True)
        await self._store.commit(Changes(nodes=[gone]))
        self._nodes[gone.key] = gone

    def _check_join_token(self, token: str, profile: Profile) -> None:
        kept = self._tokens.get(tokens.digest(token))
        hint = "Ask the course's staff for a join token (`bighost coordinator token new`)."
        if kept is None or kept.kind is not TokenKind.JOIN:
            raise Refused("this join token is unknown", hint=hint)
        if kept.revoked:
            raise Refused("this join token was revoked", hint=hint)
        if not kept.good(self._clock()):
            raise Refused("this join token has expired", hint=hint)
        if profile not in kept.profiles:
            raise Refused(f"this join token does not admit {profile.value} nodes", hint=hint)

    def _free_name(self, wanted: str, key: str) -> str:
        base = wanted if ids.is_name(wanted) else "node"
        taken = {n.name for n in self._nodes.values() if n.key != key and not n.forgotten}
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base[:58]}-{number}"
        return name
