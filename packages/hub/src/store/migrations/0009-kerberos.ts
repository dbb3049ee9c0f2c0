import type { Migration } from "./migration.ts";

/** Requests of Kerberos that were taken, so that none is taken twice while its time stamp is good. */
export const kerberos: Migration = {
  version: 9,
  title: "requests of Kerberos",
  up: `
create table kerberos_request (fingerprint text primary key, expires timestamptz not null);
create index kerberos_request_expires on kerberos_request (expires);
`,
  down: "drop table kerberos_request;",
};
