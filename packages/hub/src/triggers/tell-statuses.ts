/**
 * Tells forges what became of the commits that started tasks. What is told is the task's present state, so a forge that
 * was away for a while hears the last, and a task that is tried again is pending again.
 */
import type { TaskState, TriggerView } from "@stratos/hub-api";
import type { Database } from "../database/database.ts";
import type { Chore } from "../leader/housekeeping.ts";
import { isSuccess, postJson } from "../leader/post-json.ts";
import { readSecret } from "../store/secrets.ts";
import { isOpen } from "../store/task-states.ts";
import { statusRequest, type CommitState, type WebhookForge } from "./forges.ts";

export const STATUS_ATTEMPTS_MAX = 12;
const PAUSE_SECONDS = 5;
const TOGETHER_MAX = 16;
const KEPT_DAYS = 14;
const DESCRIPTION_MAX = 140;

/** @param addressOf  the hub, as people reach it */
export function statusChore(database: Database, addressOf: () => string, send: typeof fetch = fetch): Chore {
  return {
    name: "commit statuses",
    everyMs: 1_000,
    work: async (limit) => {
      const told = await tellStatuses(database, addressOf(), send);
      await database.query(
        "delete from commit_status s where due < now() - make_interval(days => $1) and not exists (select 1 from " +
          "task t where t.id = s.task_id and t.finished is null)",
        [KEPT_DAYS],
      );
      return told >= TOGETHER_MAX ? limit : 0;
    },
  };
}

interface Due {
  task_id: number;
  repository: string;
  commit: string;
  attempt: number;
  wanted: CommitState;
  state: TaskState;
  message: string | null;
  workflow: number | null;
  rule: Omit<TriggerView, "name">;
}

/** Of the task, or of its workflow: failed with the first that fails, done with the last. */
const STATE = `case when t.workflow_id is null then t.state else (
  select case when bool_or(w.state = 'FAILED') then 'FAILED'
    when bool_or(w.state not in ('COMPLETED', 'CANCELED')) then 'RUNNING'
    when bool_or(w.state = 'CANCELED') then 'CANCELED' else 'COMPLETED' end
  from task w where w.workflow_id = t.workflow_id) end`;
const MESSAGE = `case when t.workflow_id is null then t.message else (
  select w.message from task w where w.workflow_id = t.workflow_id and w.state in ('FAILED', 'CANCELED')
  order by w.state = 'FAILED' desc, w.id limit 1) end`;
const WANTED = `case ${STATE} when 'COMPLETED' then 'success' when 'FAILED' then 'failure'
  when 'CANCELED' then 'canceled' else 'pending' end`;

/** @returns how many were tried */
export async function tellStatuses(database: Database, hub: string, send: typeof fetch): Promise<number> {
  // Counted before it is sent, as webhooks are.
  const due = await database.query<Due>(`
    update commit_status s set attempt = s.attempt + 1, due = now() + make_interval(secs => ${PAUSE_SECONDS} * \
power(2, s.attempt))
    from task t, ci_trigger c where t.id = s.task_id and c.name = s.trigger and s.task_id in (
      select s.task_id from commit_status s join task t on t.id = s.task_id
      where s.due <= now() and s.told is distinct from ${WANTED} and s.attempt < ${STATUS_ATTEMPTS_MAX}
      order by s.due limit ${TOGETHER_MAX} for update of s skip locked)
    returning s.task_id, s.repository, s.commit, s.attempt, t.workflow_id as workflow, ${STATE} as state,
      ${MESSAGE} as message, c.rule, ${WANTED} as wanted`);
  await Promise.all(
    due.map(async (one) => {
      const fault = await tell(database, one, { hub, send });
      // A later state has its own attempts, and no pause: it is told after this one in any case.
      await database.query(
        fault === null
          ? "update commit_status set told = $2, attempt = 0, due = now(), message = null where task_id = $1"
          : "update commit_status set message = $2 where task_id = $1",
        [one.task_id, fault ?? one.wanted],
      );
    }),
  );
  return due.length;
}

/** @returns what went wrong, in words */
async function tell(
  database: Database,
  { task_id: task, repository, commit, wanted, state, message, workflow, rule }: Due,
  { hub, send }: { hub: string; send: typeof fetch },
): Promise<string | null> {
  const { status, forge } = rule;
  const token = status === undefined ? null : await readSecret(database, status.secret);
  if (status === undefined || token === null) return "the trigger tells statuses no more";
  const words = isOpen(state) ? "waits or runs" : (message ?? state.toLowerCase());
  const { url, headers, body } = statusRequest(forge as WebhookForge, status, {
    token,
    repository,
    commit,
    state: wanted,
    description: `${workflow === null ? `task ${task}` : `workflow ${workflow}`}: ${words}`.slice(0, DESCRIPTION_MAX),
    link: `${hub.replace(/\/+$/, "")}${workflow === null ? `/tasks/${task}` : `/workflows/${workflow}`}`,
  });
  const { status: answer, message: fault } = await postJson(send, url, {
    text: JSON.stringify(body),
    headers: { "user-agent": "stratos-hub", ...headers },
  });
  return answer === null ? fault : isSuccess(answer) ? null : `the forge answered ${answer}`;
}
