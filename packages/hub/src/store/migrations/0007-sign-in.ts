import type { Migration } from "./migration.ts";

/** Roles that a provider of identities told of when its user signed in: they last as long as the key. */
export const signIn: Migration = {
  version: 7,
  title: "roles of keys",
  up: "alter table api_key add column roles text[] not null default '{}';",
  down: "alter table api_key drop column roles;",
};
