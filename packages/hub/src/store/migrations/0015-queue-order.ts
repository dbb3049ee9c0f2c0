import type { Migration } from "./migration.ts";

/** The queue's order as one that only ascends: so a claim can begin at a place in it (queue-heads.ts). */
export const queueOrder: Migration = {
  version: 15,
  title: "places in the queue",
  up: `
drop index runnable_order;
create index runnable_order on runnable (channel, arch, (-priority::bigint), rank, task_id);
`,
  down: `
drop index runnable_order;
create index runnable_order on runnable (channel, arch, priority desc, rank, task_id);
`,
};
