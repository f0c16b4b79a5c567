"""Where the check reads: the database, by a role that may only read, and the object store."""

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import boto3
from botocore.config import Config

from infra.audit_check.chains import Event
from infra.audit_check.checkpoints import Row

_EVENTS = """
    select tenant_id, n, prev_hash, hash, settled_at, id, at, actor_id, actor_name, action, subject_id, subject_label,
           about, outcome, details::text as details
    from public.audit_event where $1::uuid[] is null or tenant_id = any($1)
    order by tenant_id, n nulls last, at, id
"""
_HEADS = "select tenant_id, n, hash from directory.audit_head where $1::uuid[] is null or tenant_id = any($1)"
#: Roles that the auditor's is or may become, and must not: who could alter what is checked would vouch for it.
_TOO_POWERFUL = r"""
    select r.rolname from pg_roles r
    where pg_has_role(session_user, r.oid, 'MEMBER')
      and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolname like 'pg\_%'
           or r.rolname in ('hocba_app', 'hocba_migrator', 'hocba_ctx', 'hocba_dispatcher', 'hocba_operator')
           or exists (select from pg_class c where c.relowner = r.oid)
           or exists (select from pg_proc p where p.proowner = r.oid))
    order by r.rolname
"""
_CHECKPOINTS = """
    select number, made_at, document_sha256, token_sha256 from directory.audit_checkpoint order by number
"""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Addresses and keys of what is read."""

    database_url: str
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str
    s3_bucket: str
    s3_region: str
    trust_dir: Path


async def events(connection: asyncpg.Connection, schools: Sequence[uuid.UUID] | None) -> AsyncIterator[Event]:
    """Every event, school by school in the order of their numbers; those outside a chain last."""
    async for row in connection.cursor(_EVENTS, schools, prefetch=2_000):
        yield Event(**row)


async def heads(
    connection: asyncpg.Connection, schools: Sequence[uuid.UUID] | None
) -> dict[uuid.UUID, tuple[int, str]]:
    """What the table of heads says: school → (number, hash) of its last event."""
    return {row["tenant_id"]: (row["n"], row["hash"]) for row in await connection.fetch(_HEADS, schools)}


async def checkpoint_rows(connection: asyncpg.Connection) -> list[Row]:
    """The rows of all checkpoints, oldest first."""
    return [Row(**row) for row in await connection.fetch(_CHECKPOINTS)]


async def refuse_unsafe_role(connection: asyncpg.Connection) -> None:
    """Raises ValueError for a role that may do more than read the audit."""
    found = [row["rolname"] for row in await connection.fetch(_TOO_POWERFUL)]
    if found:
        raise ValueError(
            f"HOCBA_DATABASE_AUDITOR_URL có vai trò quá mạnh (là, hoặc có thể thành, {', '.join(found)}); "
            "hãy dùng vai trò hocba_auditor"
        )


class Store:
    """The checkpoints in the object store. Raises botocore's errors."""

    def __init__(self, sources: Sources) -> None:
        self._bucket = sources.s3_bucket
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=sources.s3_endpoint,
            aws_access_key_id=sources.s3_access_key,
            aws_secret_access_key=sources.s3_secret_key,
            region_name=sources.s3_region,
            config=Config(s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=30),
        )

    def listed(self) -> set[str]:
        """Keys of everything under `audit/`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix="audit/")
        return {found["Key"] for page in pages for found in page.get("Contents", ())}

    def fetch(self, key: str) -> bytes:
        """Content of an object."""
        content: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return content

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
