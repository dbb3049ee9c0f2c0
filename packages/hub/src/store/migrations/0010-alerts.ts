import type { Migration } from "./migration.ts";

/** What alerts are found by: refusals and alerts of the last minutes. */
export const alerts: Migration = {
  version: 10,
  title: "alerts",
  up: "create index event_watched on event (at) where what in ('REFUSED', 'ALERT');",
  down: "drop index event_watched;",
};
