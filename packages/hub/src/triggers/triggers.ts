/**
 * Triggers: pushes to repositories that start tasks. A task of a trigger belongs to `trigger:NAME`; whoever makes the
 * trigger must be permitted to submit such tasks.
 */
import type { TriggerDeliveryView, TriggerOutcome, TriggerPush, TriggerView } from "@stratos/hub-api";
import type { Database, Queryable } from "../database/database.ts";
import { writeEvents } from "../store/events.ts";
import { lastingFault } from "../payloads/lasting-fault.ts";
import { unknownPlaceholder } from "../payloads/fill-texts.ts";
import { HubError, notFound } from "../store/hub-error.ts";
import { submitTasks, type Admit } from "../store/submit-tasks.ts";
import { demandCondition, UNCONDITIONAL, type Condition } from "../store/versions.ts";
import { findTemplate, lastingTemplateFault, valuesFault } from "../store/templates.ts";
import { PUSH_PLACEHOLDERS, startedBy } from "./trigger-rules.ts";

type Rule = Omit<TriggerView, "name">;

type Versioned = { readonly version: number };

export async function listTriggers(on: Queryable): Promise<(TriggerView & Versioned)[]> {
  const rows = await on.query<{ name: string; rule: Rule } & Versioned>(
    "select name, rule, version from ci_trigger order by name",
  );
  return rows.map(({ name, rule, version }) => ({ name, ...rule, version }));
}

/** @throws HubError 404 */
export async function findTrigger(on: Queryable, name: string): Promise<TriggerView & Versioned> {
  const [row] = await on.query<{ rule: Rule } & Versioned>("select rule, version from ci_trigger where name = $1", [
    name,
  ]);
  if (row === undefined) throw notFound(`trigger ${name}`);
  return { name, ...row.rule, version: row.version };
}

/**
 * @returns its version. @throws HubError 412, 422 for what fits not together, 404 for secrets and channels that are not
 *   there
 */
export async function putTrigger(
  database: Database,
  { name, ...rule }: TriggerView,
  actor: string,
  condition: Condition = UNCONDITIONAL,
): Promise<number> {
  const fault = ruleFault(rule);
  if (fault !== null) throw new HubError(422, "bad-trigger", fault);
  return database.transaction("read committed", async (inside) => {
    await demandCondition(inside, { kind: "trigger", name }, condition);
    if (rule.template !== undefined) {
      const { name: template, version, values } = rule.template;
      const isLater = (value: unknown): boolean => typeof value === "string" && value.includes("{{");
      const found = await findTemplate(inside, template, version ?? null);
      const odd = valuesFault(found, values, isLater) ?? lastingTemplateFault(found, values);
      if (odd !== null) throw new HubError(422, "bad-trigger", odd);
    }
    for (const channel of rule.template?.channels ?? [rule.task?.channel ?? "default"])
      if ((await inside.query("select 1 from channel where name = $1", [channel])).length === 0)
        throw notFound(`channel ${channel}`);
    for (const secret of [rule.secret, rule.status?.secret])
      if (secret !== undefined)
        // Locked, so that it is not removed meanwhile.
        if ((await inside.query("select 1 from secret where name = $1 for share", [secret])).length === 0)
          throw notFound(`secret ${secret}`);
    const [row] = await inside.query<Versioned>(
      "insert into ci_trigger (name, rule, owner) values ($1, $2::jsonb, $3) on conflict (name) do update set rule = " +
        "$2::jsonb, owner = $3, version = ci_trigger.version + 1 returning version",
      [name, JSON.stringify(rule), actor],
    );
    // What was seen of another repository says nothing of this one.
    await inside.query("delete from trigger_poll where trigger = $1", [name]);
    if (rule.forge === "git") await inside.query("insert into trigger_poll (trigger) values ($1)", [name]);
    await writeEvents(inside, [{ actor, what: "TRIGGER_CHANGED", detail: { trigger: name, ...rule } }]);
    return row!.version;
  });
}

function ruleFault({ forge, secret, url, everySeconds, paths, status, task, template }: Rule): string | null {
  if ((task === undefined) === (template === undefined)) return "expected either a task or a template";
  const unknown = unknownPlaceholder([task?.label ?? "", task?.payload, template?.values], PUSH_PLACEHOLDERS);
  if (unknown !== null)
    return `${unknown}: no placeholder; there are {{commit}}, {{ref}}, {{name}}, {{repository}} and {{clone}}`;
  const lasting = task === undefined ? null : lastingFault(task);
  if (lasting !== null) return `task.${lasting}`;
  for (const address of [url, status?.api])
    if (address !== undefined && !(URL.canParse(address) && /^https?:$/.test(new URL(address).protocol)))
      return `${address}: expected a URL of http or https`;
  if (forge !== "git") {
    if (secret === undefined) return "secret is missing: the name of the one that its webhooks are signed with";
    if (url !== undefined || everySeconds !== undefined) return "url and everySeconds are for the forge git";
    return status !== undefined && status.api === undefined && forge !== "github"
      ? `status.api is missing: the root of the API, such as https://${forge}.example/api/` +
          (forge === "gitlab" ? "v4" : "v1")
      : null;
  }
  if (url === undefined) return "url is missing: the repository whose refs are looked at";
  if (new URL(url).username + new URL(url).password !== "") return "url: a password goes into a secret";
  if (paths.length > 0) return "paths: refs do not tell which files have changed";
  return status === undefined ? null : "status: a repository alone cannot be told; that takes a forge";
}

export async function removeTrigger(
  database: Database,
  name: string,
  actor: string,
  condition: Condition = UNCONDITIONAL,
): Promise<void> {
  await database.transaction("read committed", async (inside) => {
    await demandCondition(inside, { kind: "trigger", name }, condition);
    const rows = await inside.query("delete from ci_trigger where name = $1 returning name", [name]);
    if (rows.length === 0) throw notFound(`trigger ${name}`);
    await writeEvents(inside, [{ actor, what: "TRIGGER_REMOVED", detail: { trigger: name } }]);
  });
}

/** The last, newest first. @throws HubError 404 */
export async function listTriggerDeliveries(
  database: Database,
  name: string,
  limit: number,
): Promise<TriggerDeliveryView[]> {
  await findTrigger(database, name);
  const rows = await database.query<Omit<TriggerDeliveryView, "at"> & { at: Date }>(
    "select at, ref, commit, task_id as task, why from trigger_delivery where trigger = $1 order by id desc limit $2",
    [name, limit],
  );
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}

/**
 * @param digest  of the delivery: one that was taken before starts nothing again, and answers the same
 * @throws HubError 429 over a brake; it may be delivered again
 */
export async function fireTrigger(
  database: Database,
  inside: Queryable,
  trigger: TriggerView,
  { push, digest, admit }: { push: TriggerPush; digest: string; admit: Admit },
): Promise<TriggerOutcome> {
  const { name, status } = trigger;
  const made = await inside.query(
    "insert into trigger_delivery (trigger, digest, ref, commit) values ($1, $2, $3, $4) on conflict do nothing " +
      "returning 1",
    [name, digest, push.ref, push.commit],
  );
  if (made.length === 0) {
    const [before] = await inside.query<{ task: number | null; why: string | null }>(
      "select task_id as task, why from trigger_delivery where trigger = $1 and digest = $2",
      [name, digest],
    );
    return { task: before!.task, why: before!.why ?? "it was delivered before", ...NOTHING };
  }
  const owner = `trigger:${name}`;
  const started = await startedBy(inside, trigger, push);
  const tasks = typeof started === "string" ? started : await admit(started.tasks, owner).catch(reasonOfRefusal);
  if (typeof started === "string" || typeof tasks === "string") {
    const why = tasks as string;
    await inside.query("update trigger_delivery set why = $3 where trigger = $1 and digest = $2", [name, digest, why]);
    return { task: null, why, ...NOTHING };
  }
  const workflow =
    started.workflow === null
      ? undefined
      : (
          await inside.query<{ id: number }>("insert into workflow (name, owner) values ($1, $2) returning id", [
            started.workflow,
            owner,
          ])
        )[0]!.id;
  const [task] = await submitTasks(database, tasks, { owner, inside, ...(workflow === undefined ? {} : { workflow }) });
  await inside.query("update trigger_delivery set task_id = $3 where trigger = $1 and digest = $2", [
    name,
    digest,
    task!.id,
  ]);
  if (status !== undefined)
    await inside.query("insert into commit_status (task_id, trigger, repository, commit) values ($1, $2, $3, $4)", [
      task!.id,
      name,
      push.repository,
      push.commit,
    ]);
  const { ref, commit, repository } = push;
  await writeEvents(inside, [
    { actor: owner, what: "TRIGGERED", task: task!.id, detail: { trigger: name, repository, ref, commit } },
  ]);
  return { task: task!.id, why: null, submission: tasks[0]!, submissions: tasks };
}

const NOTHING = { submission: null, submissions: [] } as const;

/** What is refused once is refused for this push; what fails may be delivered again. */
function reasonOfRefusal(error: unknown): string {
  if (error instanceof HubError && error.status < 500) return error.message;
  throw error;
}
