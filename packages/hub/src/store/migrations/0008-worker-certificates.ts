import type { Migration } from "./migration.ts";

/**
 * Certificates of workers, by the SHA-256 of their DER form, and the tokens by which hosts get their first one, by the
 * SHA-256 of the token. A token that was used stays until it would have expired, so that a second use can be told.
 */
export const workerCertificates: Migration = {
  version: 8,
  title: "certificates of workers",
  up: `
create table worker_certificate (
  fingerprint text primary key, serial text not null unique, host text not null,
  created timestamptz not null default now(), expires timestamptz not null, revoked timestamptz
);
create index worker_certificate_host on worker_certificate (host);
create table enrolment (
  hash text primary key, host text not null, created_by text not null,
  created timestamptz not null default now(), expires timestamptz not null, used timestamptz
);
`,
  down: "drop table enrolment, worker_certificate;",
};
