import type { Migration } from "./migration.ts";

const TABLES = ["policy", "ci_trigger", "secret", "brake"];

/** What is put by name counts its changes, so that it may be changed as the version that was read. */
export const versions: Migration = {
  version: 17,
  title: "versions of policies, triggers, secrets and brakes",
  up: TABLES.map((table) => `alter table ${table} add column version int not null default 1;`).join("\n"),
  down: TABLES.map((table) => `alter table ${table} drop column version;`).join("\n"),
};
