import type { Migration } from "./migration.ts";

/**
 * Seals list digests of their entries, so that a check names the one that was changed; and what was taken out of the
 * tables into files, with the seal from which the chain goes on.
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
`,
  down: `
drop table audit_rotation;
alter table seal drop column entries;
`,
};
