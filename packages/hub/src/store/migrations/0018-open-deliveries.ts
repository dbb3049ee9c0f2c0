import type { Migration } from "./migration.ts";

/** Deliveries are kept for weeks, and those that wait or are dead are counted each time that somebody measures. */
export const openDeliveries: Migration = {
  version: 18,
  title: "deliveries that wait or are dead, by webhook",
  up: "create index delivery_open on delivery (webhook_id, state) where state <> 'DELIVERED';",
  down: "drop index delivery_open;",
};
