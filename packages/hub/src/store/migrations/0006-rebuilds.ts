import type { Migration } from "./migration.ts";

/**
 * What sources depend on, and which numbers binNMUs of them have.
 *
 * `built_source` outlives its task. What was built before it was kept has no row: who asks derives it from the task's
 * .dsc or .buildinfo, and keeps it (repositories/build-depends.ts).
 */
export const rebuilds: Migration = {
  version: 6,
  title: "build dependencies, binNMUs",
  up: `
create table built_source (
  task_id bigint primary key, depends text[] not null, payload jsonb not null,
  origin text not null check (origin in ('builder', 'dsc', 'buildinfo'))
);
create index to_publish_task on to_publish (task_id);
create table bin_nmu (
  source text not null, version text not null, arch text not null, number integer not null check (number > 0),
  task_id bigint not null, reason text not null, actor text not null, created timestamptz not null default now(),
  primary key (source, version, arch, number)
);
`,
  down: "drop index to_publish_task; drop table bin_nmu, built_source;",
};
