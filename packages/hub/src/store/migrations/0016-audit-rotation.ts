import type { Migration } from "./migration.ts";

/**
 * Seals list digests of their entries, so that a check names the one that was changed; and what was taken out of the
 * tables into files, with the seal from which the chain goes on. And builds by their source, whose history is asked
 * for.
 */
export const auditRotation: Migration = {
  version: 16,
  title: "rotation of the audit",
  up: `
alter table seal add column entries bytea;
create table audit_rotation (
  number bigint primary key, hash text not null, events bigint not null check (events > 0),
  actor text not null, at timestamptz not null default now()
);
create index task_source on task ((substring(payload->>'source' from '^[a-z0-9][a-z0-9+.-]*')), id)
  where kind = 'build';
`,
  down: `
drop index task_source;
drop table audit_rotation;
alter table seal drop column entries;
`,
};
