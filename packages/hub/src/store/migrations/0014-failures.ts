import type { Migration } from "./migration.ts";

/**
 * Why runs failed: a row for each failed run, made once by the leader from its log, and one for each cause that they
 * share. `to_diagnose` is what is still to be looked at: ends that are no failures cost nothing.
 */
export const failures: Migration = {
  version: 14,
  title: "causes of failures",
  up: `
create table failure_cause (
  id text primary key check (id ~ '^[0-9a-f]{16}$'),
  cause text not null, stage text not null, line text not null,
  first_seen timestamptz not null
);

create table failed_run (
  run_id bigint primary key, task_id bigint not null, cause_id text not null, at timestamptz not null,
  package text not null, suite text not null, arch text not null, channel text not null,
  line text not null, file text not null
);
create index failed_run_at on failed_run (at, cause_id);
create index failed_run_cause on failed_run (cause_id, run_id);
create index failed_run_task on failed_run (task_id);

create table to_diagnose (run_id bigint primary key);
insert into to_diagnose select id from run where state in ('FAILED','LOST');
`,
  down: `
drop table to_diagnose, failed_run, failure_cause;
`,
};
