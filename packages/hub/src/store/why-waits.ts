/**
 * "Why does it wait": computed when somebody asks, by the same filters as a claim's, one after the other, with what
 * each leaves of the hosts. The first that leaves none is the reason.
 */
import { counted } from "@stratos/base";
import type { HostView, TaskState, WaitReason } from "@stratos/hub-api";
import type { Database } from "../database/database.ts";
import { capabilityInWords } from "../payloads/task-kinds.ts";
import { listHosts } from "./hosts.ts";
import { notFound } from "./hub-error.ts";

interface TaskRow {
  id: number;
  state: TaskState;
  arch: string;
  channel: string;
  requires: string[];
  weight: number;
  owner: string;
  attempt: number;
  due: Date | null;
  due_seconds: number | null;
  message: string | null;
  host: string | null;
  balance: string;
  offered: string | null;
}

export async function whyWaits(database: Database, id: number): Promise<WaitReason> {
  const [task] = await database.query<TaskRow>(
    `
    select t.id, t.state, t.arch, t.channel, t.requires, t.weight, t.owner, t.attempt, t.message, w.due,
      ceil(extract(epoch from w.due - now()))::int as due_seconds,
      (select host from run where task_id = t.id and state in ('ASSIGNED','RUNNING')) as host,
      c.balance, q.host as offered
    from task t left join waiting w on w.task_id = t.id left join channel c on c.name = t.channel
      left join runnable q on q.task_id = t.id and q.until > now()
    where t.id = $1`,
    [id],
  );
  if (task === undefined) throw notFound(`task ${id}`);
  const answer = (summary: string, filters: WaitReason["filters"] = [], ahead = 0): WaitReason => ({
    task: id,
    state: task.state,
    summary,
    filters,
    ahead,
    attempts: task.attempt,
    retrySeconds: task.state === "FREE" && task.due !== null ? Math.max(task.due_seconds!, 0) : null,
  });
  if (task.state === "BLOCKED") return answer(await parentsInWords(database, id));
  if (task.state === "ASSIGNED" || task.state === "RUNNING")
    return answer(`it does not wait: host ${task.host} has it`);
  if (task.state !== "FREE") return answer(`it does not wait: it is ${task.state}`);
  if (task.due !== null) {
    return answer(
      `it is tried again ${task.due_seconds! > 0 ? `in ${task.due_seconds} s` : "now"}` +
        (task.message === null ? "" : `, after: ${task.message}`),
    );
  }
  const brake = await brakeInWords(database, task);
  const hosts = await listHosts(database);
  const filters = filterHosts(task, hosts);
  const ahead = await countAhead(database, id);
  const first = ahead === 0 ? "" : `; ${counted(ahead, "task")} ${ahead === 1 ? "comes" : "come"} first`;
  const stop = filters.find(({ left }) => left === 0);
  if (brake !== null) return answer(brake, filters, ahead);
  if (hosts.length === 0) return answer("no host is registered: start `stratos worker`", filters, ahead);
  if (task.offered !== null)
    return answer(`channel ${task.channel} (${task.balance}) offers it to host ${task.offered}`, filters, ahead);
  if (stop === undefined)
    return answer(`${counted(filters.at(-1)!.left, "host")} could take it now${first}`, filters, ahead);
  const story = filters
    .slice(0, filters.indexOf(stop) + 1)
    .map(({ filter, left, of }) => `${left} of ${of} ${filter}`)
    .join(", ");
  const lease = stop.filter === "have room now" ? await nextEndInWords(database, task) : "";
  return answer(`no host takes it: ${story}${lease}${first}`, filters, ahead);
}

/** The filters of a claim, in the order in which they are told. */
function filterHosts(
  task: Pick<TaskRow, "arch" | "channel" | "requires" | "weight">,
  hosts: readonly HostView[],
): { filter: string; left: number; of: number }[] {
  const tests: [string, (host: HostView) => boolean][] = [
    ["are online", ({ online }) => online],
    ["are enabled", ({ enabled }) => enabled],
    [`have architecture ${task.arch}`, ({ arches }) => task.arch === "any" || arches.includes(task.arch)],
    [`serve channel ${task.channel}`, ({ channels }) => channels.includes(task.channel)],
    ...task.requires.map((capability): [string, (host: HostView) => boolean] => [
      capabilityInWords(capability),
      ({ capabilities }) => capabilities.includes(capability),
    ]),
    [`are large enough for weight ${task.weight}`, ({ capacity }) => capacity >= task.weight],
    ["have room now", ({ capacity, used }) => capacity - used >= task.weight],
  ];
  let left = hosts;
  return tests.map(([filter, test]) => {
    const of = left.length;
    left = left.filter(test);
    return { filter, left: left.length, of };
  });
}

async function parentsInWords(database: Database, id: number): Promise<string> {
  const rows = await database.query<{ parent: number; state: string; needs: string; label: string }>(
    "select e.parent, e.needs, t.state, t.label from edge e join task t on t.id = e.parent where e.child = $1 " +
      "and not e.settled order by e.parent limit 6",
    [id],
  );
  const words = rows
    .slice(0, 5)
    .map(({ parent, state, needs }) => `task ${parent} (${state}) to ` + (needs === "success" ? "complete" : "end"));
  return `it waits for ${words.join(", ")}${rows.length > 5 ? " and more" : ""}`;
}

async function brakeInWords(database: Database, task: TaskRow): Promise<string | null> {
  const [row] = await database.query<{ scope: string; name: string; max_running: number; running: number }>(
    `
    select * from (
      select scope, name, max_running, (
        select count(*) from task t where t.state in ('ASSIGNED','RUNNING') and case b.scope when 'owner' then \
t.owner else t.channel end = b.name
      ) as running from brake b
      where max_running is not null and (scope = 'owner' and name = $1 or scope = 'channel' and name = $2)
    ) s where running >= max_running limit 1`,
    [task.owner, task.channel],
  );
  return row === undefined
    ? null
    : `a brake holds it: ${row.running} tasks of ${row.scope} ${row.name} run, and ${row.max_running} may`;
}

async function countAhead(database: Database, id: number): Promise<number> {
  const [row] = await database.query<{ ahead: number }>(
    `
    select count(*) as ahead from runnable r, runnable me where me.task_id = $1 and r.channel = me.channel and r.arch \
= me.arch
      and (r.priority > me.priority or r.priority = me.priority and (r.rank, r.task_id) < (me.rank, me.task_id))`,
    [id],
  );
  return row!.ahead;
}

async function nextEndInWords(database: Database, task: TaskRow): Promise<string> {
  const [row] = await database.query<{ seconds: number }>(
    `
    select ceil(extract(epoch from min(r.lease_until) - now()))::int as seconds from run r join host h on h.name = \
r.host
    where r.state in ('ASSIGNED','RUNNING') and $1 = any(h.channels)`,
    [task.channel],
  );
  return row?.seconds == null ? "" : ` (the next lease ends, or is renewed, in ${Math.max(row.seconds, 0)} s)`;
}
