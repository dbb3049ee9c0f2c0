import type { Migration } from "./migration.ts";

/** Who may do what. Of keys and sessions only digests are kept. */
export const access: Migration = {
  version: 2,
  title: "roles, keys, sessions, idempotency",
  up: `
create table role (
  name text primary key check (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  inherits text[] not null default '{}', permissions text[] not null default '{}', version integer not null default 1
);
create table role_grant (
  principal text not null, role text not null references role (name), primary key (principal, role)
);
create table api_key (
  id text primary key, principal text not null, hash text not null, scopes text[] not null, note text not null \
default '',
  created timestamptz not null default now(), created_by text not null,
  expires timestamptz, revoked timestamptz, last_used timestamptz
);
create table web_session (
  hash text primary key, api_key text not null references api_key (id) on delete cascade, expires timestamptz not null
);
create table idempotency (
  principal text not null, key text not null, request_hash text not null,
  status integer not null, answer jsonb not null, created timestamptz not null default now(),
  primary key (principal, key)
);
create index idempotency_created on idempotency (created);
`,
  down: "drop table idempotency, web_session, api_key, role_grant, role;",
};
