/** `hub fsck`: what must hold between rows that no constraint of the database says. */
import type { ChainPlace } from "../audit/chain.ts";
import type { Database } from "../database/database.ts";
import { verifyChain } from "./event-chain.ts";

export interface FsckFinding {
  readonly check: string;
  readonly count: number;
  readonly examples: readonly string[];
}

/** Each finds rows that should not be, as text. */
const CHECKS: readonly (readonly [string, string])[] = [
  [
    "a free task is neither in the queue nor pausing",
    "select id::text from task t where state = 'FREE' and not exists (select 1 from runnable where task_id = t.id) " +
      "and not exists (select 1 from waiting where task_id = t.id)",
  ],
  [
    "a task that is not free is in the queue",
    "select task_id::text from runnable r where not exists (select 1 from task where id = r.task_id and state = " +
      "'FREE')",
  ],
  [
    "a task that is not free is pausing",
    "select task_id::text from waiting w where not exists (select 1 from task where id = w.task_id and state = 'FREE')",
  ],
  ["a task is in the queue and pausing", "select task_id::text from runnable join waiting using (task_id)"],
  [
    "a task is with a host and has not exactly one live run",
    "select t.id::text from task t where t.state in ('ASSIGNED','RUNNING') and (select count(*) from run where " +
      "task_id = t.id and run.state = t.state) <> 1",
  ],
  [
    "a live run belongs to a task that is not with a host",
    "select r.id::text from run r left join task t on t.id = r.task_id where r.state in ('ASSIGNED','RUNNING') and " +
      "coalesce(t.state not in ('ASSIGNED','RUNNING'), true)",
  ],
  ["a run belongs to no task", "select id::text from run r where not exists (select 1 from task where id = r.task_id)"],
  [
    "two runs of a task completed",
    "select task_id::text from run where state = 'COMPLETED' group by task_id having count(*) > 1",
  ],
  [
    "a task has completed and no run of it has",
    "select id::text from task t where state = 'COMPLETED' and not exists (select 1 from run where task_id = t.id " +
      "and state = 'COMPLETED')",
  ],
  [
    "a task counts other open parents than it has",
    "select t.id::text from task t where t.state = 'BLOCKED' and t.blockers <> (select count(*) from edge where " +
      "child = t.id and not settled)",
  ],
  [
    "a blocked task waits for a parent that ended, and nobody was told",
    "select e.child::text from edge e join task c on c.id = e.child join task p on p.id = e.parent where c.state = " +
      "'BLOCKED' and not e.settled and p.finished is not null and not exists (select 1 from outbox where task_id = " +
      "p.id)",
  ],
  [
    "a task is of a channel that is not there",
    "select id::text from task t where not exists (select 1 from channel where name = t.channel) and state in " +
      "('BLOCKED','FREE','ASSIGNED','RUNNING')",
  ],
  [
    "a failed run has no cause, and nobody looks for one",
    "select r.id::text from run r where r.state in ('FAILED','LOST') and not exists (select 1 from to_diagnose where " +
      "run_id = r.id) and not exists (select 1 from failed_run f join failure_cause c on c.id = f.cause_id where " +
      "f.run_id = r.id)",
  ],
  [
    "an artefact belongs to no task",
    "select task_id::text from task_artefact a where not exists (select 1 from task where id = a.task_id)",
  ],
  [
    "a piece of a log belongs to no run",
    "select distinct run_id::text from log_chunk c where not exists (select 1 from run where id = c.run_id)",
  ],
];

const EXAMPLES = 5;

/**
 * All checks see one moment.
 *
 * @param options.chainFrom  the chain was sound up to here; absent: all that is there is read
 * @returns what is wrong; empty: nothing
 */
export async function fsck(
  database: Database,
  { chainFrom }: { readonly chainFrom?: ChainPlace } = {},
): Promise<FsckFinding[]> {
  return database.transaction("repeatable read, read only", async (inside) => {
    const findings: FsckFinding[] = [];
    for (const [check, sql] of CHECKS) {
      const [row] = await inside.query<{ count: number; examples: string[] | null }>(
        `with x(id) as (${sql}) select count(*) as count, (select array_agg(id) from (select id from x limit ` +
          `${EXAMPLES}) s) as examples from x`,
      );
      if (row!.count > 0) findings.push({ check, count: row!.count, examples: row!.examples ?? [] });
    }
    const broken = await verifyChain(inside, chainFrom);
    if (broken !== null) findings.push({ check: "the chain of events is broken", count: 1, examples: [broken.words] });
    return findings;
  });
}
