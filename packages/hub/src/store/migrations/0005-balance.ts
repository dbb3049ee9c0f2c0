import type { Migration } from "./migration.ts";

/**
 * Channels whose tasks are offered to hosts by a strategy, rather than taken by whoever asks first. `runnable.host` was
 * offered the task, and has it to itself until `until`.
 */
export const balance: Migration = {
  version: 5,
  title: "balancing",
  up: `
alter table channel add column balance text not null default 'first' check (balance in ('first', 'round-robin', \
'weighted-round-robin', 'least-runs', 'least-load', 'random', 'hash', 'fastest', 'pack'));
alter table channel add column balance_state jsonb;
alter table runnable add column host text;
alter table runnable add column until timestamptz;
create index runnable_host on runnable (host) where host is not null;
`,
  down: `
drop index runnable_host;
alter table runnable drop column host;
alter table runnable drop column until;
alter table channel drop column balance_state;
alter table channel drop column balance;
`,
};
