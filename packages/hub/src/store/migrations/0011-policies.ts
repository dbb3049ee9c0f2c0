import type { Migration } from "./migration.ts";

export const policies: Migration = {
  version: 11,
  title: "policies",
  up: "create table policy (name text primary key, rule jsonb not null);",
  down: "drop table policy;",
};
