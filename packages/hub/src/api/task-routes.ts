/** Tasks and workflows. */
import type { TaskState, TaskSubmission } from "@stratos/hub-api";
import { cancelTask, retryTask, setPriority } from "../store/change-tasks.ts";
import { eventsOfTask } from "../store/events.ts";
import { HubError } from "../store/hub-error.ts";
import { readLog } from "../store/logs.ts";
import { submitTasks, type Admit } from "../store/submit-tasks.ts";
import { isOpen, TASK_STATES } from "../store/task-states.ts";
import { findTask, listTasks, taskDetails } from "../store/tasks.ts";
import { whyWaits } from "../store/why-waits.ts";
import { findWorkflow } from "../store/workflows.ts";
import { eventStream } from "./event-stream.ts";
import { followLog } from "./follow-log.ts";
import type { ApiRequest, ApiRoute } from "./route.ts";
import { payloadFault } from "../payloads/payload-fault.ts";
import { BATCH, EVENT_VIEW, page, REASON, SUBMISSION, TASK_CHANGE, TASK_VIEW, WORKFLOW } from "./schemas.ts";

const BATCH_BYTES_MAX = 64 << 20;
const PAGE_MAX = 500;
export const PAGE = 50;

export const PAGE_QUERY = {
  limit: {
    schema: { type: "integer", minimum: 1, maximum: PAGE_MAX },
    description: `how many at most (default ${PAGE})`,
  },
  cursor: { schema: { type: "string" }, description: "`next` of the page before" },
};

const taskId = ({ parameters }: Pick<ApiRequest, "parameters">): number => Number(parameters["task"]);

async function mayChange(request: ApiRequest, id: number): Promise<void> {
  const task = await findTask(request.inside ?? request.hub.database, id);
  const isOwn = task.owner === request.principal.name && request.may("task:change-own");
  await request.require(isOwn ? "task:change-own" : `task:change:${task.channel}`, task);
}

/** Tasks pass the plugins, and what becomes of them is asked for as what was submitted is. */
export function admitOf(request: Pick<ApiRequest, "hub" | "principal" | "require">): Admit {
  return async (tasks, owner) => {
    const admitted = await request.hub.plugins.admit(tasks, owner);
    if (admitted !== tasks) await requireTasks(request, admitted);
    return admitted;
  };
}

/** @throws HubError 403 for who may not submit them, 422 for a payload that no worker takes */
export async function requireTasks(request: Submitter, tasks: readonly TaskSubmission[]): Promise<void> {
  await requireChannels(request, tasks);
  for (const [index, task] of tasks.entries()) {
    const fault = payloadFault(task);
    if (fault === null) continue;
    throw new HubError(422, "bad-payload", tasks.length === 1 ? fault : `tasks[${index}].${fault}`);
  }
}

type Submitter = Pick<ApiRequest, "principal" | "require">;

/** Of tasks whose payloads are filled later, too. @throws HubError 403 for who may not submit to their channels */
export async function requireChannels(
  request: Submitter,
  tasks: readonly Pick<TaskSubmission, "channel" | "label">[],
): Promise<void> {
  if (tasks.length === 0) await request.require("task:submit:default");
  // Tasks of one label in one channel are one decision.
  const kinds = new Map(
    tasks.map(({ channel = "default", label = "" }) => [`${channel}\0${label}`, { channel, label }]),
  );
  for (const { channel, label } of kinds.values())
    await request.require(`task:submit:${channel}`, { owner: request.principal.name, label });
}

export const TASK_ROUTES: readonly ApiRoute[] = [
  {
    id: "submitTask",
    method: "post",
    path: "/tasks",
    tag: "tasks",
    permission: "task:submit",
    isScoped: true,
    status: 201,
    summary: "Submits a task. With a cacheKey, a completed task of the same key answers for it (200).",
    body: SUBMISSION,
    answer: TASK_VIEW,
    joinsTransaction: true,
    location: ({ id }) => `/v1/tasks/${id}`,
    handle: async (request) => {
      const task = request.body as TaskSubmission;
      await requireTasks(request, [task]);
      const on = request.inside ?? request.hub.database;
      if (task.cacheKey !== undefined) {
        const [hit] = await on.query<{ id: number }>(
          "select id from task where cache_key = $1 and state = 'COMPLETED' and channel = $2 order by id desc limit 1",
          [task.cacheKey, task.channel ?? "default"],
        );
        if (hit !== undefined)
          return { status: 200, body: await findTask(on, hit.id), headers: { "Stratos-Cache": "hit" } };
      }
      const [made] = await submitTasks(request.hub.database, [task], {
        owner: request.principal.name,
        admit: admitOf(request),
        ...within(request),
      });
      const view = await findTask(on, made!.id);
      return { status: 201, body: view, version: view.version };
    },
  },
  {
    id: "submitBatch",
    method: "post",
    path: "/task-batches",
    tag: "tasks",
    permission: "task:submit",
    isScoped: true,
    status: 201,
    summary: "Submits many tasks at once: all or none. They may wait for each other by their positions.",
    body: BATCH,
    bodyBytesMax: BATCH_BYTES_MAX,
    joinsTransaction: true,
    handle: async (request) => {
      const { tasks } = request.body as { tasks: TaskSubmission[] };
      await requireTasks(request, tasks);
      const made = await submitTasks(request.hub.database, tasks, {
        owner: request.principal.name,
        admit: admitOf(request),
        ...within(request),
      });
      return { status: 201, body: { tasks: made.map(({ id, state }) => ({ id, state })) } };
    },
  },
  {
    id: "listTasks",
    method: "get",
    path: "/tasks",
    tag: "tasks",
    permission: "task:read",
    summary: "Lists tasks, newest first.",
    answer: page(TASK_VIEW),
    query: {
      ...PAGE_QUERY,
      state: {
        schema: { type: "string" },
        description: `some of ${TASK_STATES.join(", ")}, separated by commas; \`open\`: those that have not ended`,
      },
      channel: { schema: { type: "string" }, description: "of this channel" },
      kind: { schema: { type: "string" }, description: "of this kind" },
      owner: { schema: { type: "string" }, description: "of this principal" },
      workflow: { schema: { type: "integer", minimum: 1 }, description: "of this workflow" },
    },
    handle: async ({ hub, query }) => {
      const limit = (query["limit"] as number | undefined) ?? PAGE;
      const cursor = query["cursor"] as string | undefined;
      if (cursor !== undefined && !/^\d{1,15}$/.test(cursor))
        throw new HubError(400, "bad-cursor", `${cursor}: no cursor of tasks`);
      const body = await listTasks(
        hub.database,
        {
          ...(query["state"] === undefined ? {} : { states: parseStates(query["state"] as string) }),
          ...(cursor === undefined ? {} : { before: Number(cursor) }),
          ...pick(query, "channel"),
          ...pick(query, "kind"),
          ...pick(query, "owner"),
          ...pick(query, "workflow"),
        },
        limit,
      );
      return { body };
    },
  },
  {
    id: "getTask",
    method: "get",
    path: "/tasks/{task}",
    tag: "tasks",
    permission: "task:read",
    answer: TASK_VIEW,
    summary: "A task with its runs, parents, children and artefacts.",
    handle: async (request) => {
      const body = await taskDetails(request.hub.database, taskId(request));
      return { body, version: body.version };
    },
  },
  {
    id: "changeTask",
    method: "patch",
    path: "/tasks/{task}",
    tag: "tasks",
    permission: "task:change",
    isScoped: true,
    takesConditions: "change",
    summary: "Changes the priority of a task that waits.",
    body: TASK_CHANGE,
    answer: TASK_VIEW,
    handle: async (request) => {
      await mayChange(request, taskId(request));
      const { priority } = request.body as { priority: number };
      const version = await setPriority(request.hub.database, taskId(request), {
        priority,
        actor: request.principal.name,
        version: request.precondition.version,
      });
      return { body: await findTask(request.hub.database, taskId(request)), version };
    },
  },
  {
    id: "cancelTask",
    method: "post",
    path: "/tasks/{task}/cancel",
    tag: "tasks",
    permission: "task:change",
    isScoped: true,
    summary: "Cancels a task: at once, or when its host has stopped it (`cancelRequested`).",
    body: REASON,
    isBodyOptional: true,
    answer: TASK_VIEW,
    status: 200,
    handle: async (request) => {
      await mayChange(request, taskId(request));
      const { reason } = request.body as { reason?: string };
      await cancelTask(request.hub.database, taskId(request), request.principal.name, reason);
      request.hub.housekeeping.nudge();
      return { body: await findTask(request.hub.database, taskId(request)) };
    },
  },
  {
    id: "retryTask",
    method: "post",
    path: "/tasks/{task}/retry",
    tag: "tasks",
    permission: "task:change",
    isScoped: true,
    summary: "Tries a task again that failed or was canceled.",
    body: REASON,
    isBodyOptional: true,
    answer: TASK_VIEW,
    status: 200,
    joinsTransaction: true,
    handle: async (request) => {
      await mayChange(request, taskId(request));
      const on = request.inside ?? request.hub.database;
      await retryTask(on, taskId(request), request.principal.name);
      return { body: await findTask(on, taskId(request)) };
    },
  },
  {
    id: "whyTaskWaits",
    method: "get",
    path: "/tasks/{task}/why",
    tag: "tasks",
    permission: "task:read",
    summary: "Why a task waits: what each filter leaves of the hosts.",
    handle: async (request) => ({ body: await whyWaits(request.hub.database, taskId(request)) }),
  },
  {
    id: "listTaskEvents",
    method: "get",
    path: "/tasks/{task}/events",
    tag: "tasks",
    permission: "task:read",
    summary: "What happened to a task.",
    query: PAGE_QUERY,
    answer: page(EVENT_VIEW),
    handle: async (request) => {
      const { hub, query } = request;
      await findTask(hub.database, taskId(request));
      const limit = (query["limit"] as number | undefined) ?? PAGE;
      const cursor = (query["cursor"] as string | undefined) ?? "0";
      if (!/^\d{1,15}$/.test(cursor)) throw new HubError(400, "bad-cursor", `${cursor}: no cursor of a task's events`);
      const items = await eventsOfTask(hub.database, taskId(request), { afterId: Number(cursor), limit });
      return { body: { items, next: items.length === limit ? String(items.at(-1)!.id) : null } };
    },
  },
  {
    id: "watchTask",
    method: "get",
    path: "/tasks/{task}/stream",
    tag: "tasks",
    permission: "task:read",
    answers: "events",
    summary: "Follows a task: an event of type `task` for each change, the last one when it has ended.",
    handle: async (request) => {
      const { hub } = request;
      await findTask(hub.database, taskId(request));
      let seen = Number(request.headers.get("last-event-id") ?? "0");
      if (!Number.isSafeInteger(seen)) throw new HubError(400, "bad-cursor", "Last-Event-ID: no version of a task");
      return eventStream(request, async () => {
        const task = await findTask(hub.database, taskId(request));
        const isNew = task.version > seen;
        seen = task.version;
        return {
          events: isNew ? [{ id: String(task.version), event: "task", data: task }] : [],
          end: !isOpen(task.state),
        };
      });
    },
  },
  {
    id: "readTaskLog",
    method: "get",
    path: "/tasks/{task}/log",
    tag: "tasks",
    permission: "task:read",
    answers: "bytes",
    summary:
      "A piece of the log of the last attempt, or of one. `Log-End: true`: this is its end; else ask again from " +
      "`Log-Offset`.",
    query: {
      offset: { schema: { type: "integer", minimum: 0 }, description: "from here on (default 0)" },
      attempt: { schema: { type: "integer", minimum: 1, maximum: 2_000_000_000 }, description: "of this attempt" },
    },
    handle: async (request) => {
      const start = (request.query["offset"] as number | undefined) ?? 0;
      const attempt = request.query["attempt"] as number | undefined;
      const part = await readLog(request.hub.database, {
        task: taskId(request),
        start,
        ...(attempt === undefined ? {} : { attempt }),
      });
      const content = part?.content ?? new Uint8Array(0);
      const task = await findTask(request.hub.database, taskId(request));
      const isEnd = part === null ? !isOpen(task.state) : part.isEnd;
      return new Response(new Uint8Array(content), {
        headers: {
          "Content-Type": "text/plain; charset=utf-8",
          "Log-Offset": String(start + content.length),
          "Log-End": String(isEnd),
          "Log-Run": String(part?.run ?? 0),
        },
      });
    },
  },
  {
    id: "followTaskLog",
    method: "get",
    path: "/tasks/{task}/log/stream",
    tag: "tasks",
    permission: "task:read",
    answers: "events",
    summary:
      "Follows the log of a task, through all its attempts: events of type `log` with text; their ids name run and " +
      "offset.",
    handle: async (request) => followLog(request),
  },
  {
    id: "submitWorkflow",
    method: "post",
    path: "/workflows",
    tag: "workflows",
    permission: "task:submit",
    isScoped: true,
    status: 201,
    summary: "Submits tasks that belong together.",
    body: WORKFLOW,
    bodyBytesMax: BATCH_BYTES_MAX,
    joinsTransaction: true,
    location: ({ id }) => `/v1/workflows/${id}`,
    handle: async (request) => {
      const { name, tasks } = request.body as { name: string; tasks: TaskSubmission[] };
      await requireTasks(request, tasks);
      const owner = request.principal.name;
      const submit = async (inside: NonNullable<ApiRequest["inside"]>): Promise<Record<string, unknown>> => {
        const [workflow] = await inside.query<{ id: number }>(
          "insert into workflow (name, owner) values ($1, $2) returning id",
          [name, owner],
        );
        const made = await submitTasks(request.hub.database, tasks, {
          ...{ owner, inside, workflow: workflow!.id },
          admit: admitOf(request),
        });
        return { id: workflow!.id, name, tasks: made.map(({ id, state }) => ({ id, state })) };
      };
      const body =
        request.inside === undefined
          ? await request.hub.database.transaction("read committed", submit)
          : await submit(request.inside);
      return { status: 201, body };
    },
  },
  {
    id: "getWorkflow",
    method: "get",
    path: "/workflows/{workflow}",
    tag: "workflows",
    permission: "task:read",
    summary: "A workflow: its tasks (at most 10,000) and what waits for what.",
    handle: async ({ hub, parameters }) => ({ body: await findWorkflow(hub.database, Number(parameters["workflow"])) }),
  },
  {
    id: "cancelWorkflow",
    method: "post",
    path: "/workflows/{workflow}/cancel",
    tag: "workflows",
    permission: "task:change",
    isScoped: true,
    summary: "Cancels the tasks of a workflow that have not ended.",
    body: REASON,
    isBodyOptional: true,
    status: 200,
    handle: async (request) => {
      const { hub, parameters } = request;
      const { tasks } = await findWorkflow(hub.database, Number(parameters["workflow"]));
      const open = tasks.filter(({ state }) => isOpen(state));
      if (open.length === 0) await request.require("task:change:default");
      // Whoever may not cancel all of it cancels nothing.
      for (const { id } of open) await mayChange(request, id);
      let canceled = 0;
      for (const { id } of open) {
        // One that has ended meanwhile needs no canceling.
        canceled += await cancelTask(
          hub.database,
          id,
          request.principal.name,
          (request.body as { reason?: string }).reason,
        ).then(
          () => 1,
          () => 0,
        );
      }
      hub.housekeeping.nudge();
      return { body: { canceled } };
    },
  },
];

function within({ inside }: ApiRequest): { inside?: NonNullable<ApiRequest["inside"]> } {
  return inside === undefined ? {} : { inside };
}

function pick<Name extends string>(query: ApiRequest["query"], name: Name): Record<string, never> {
  return (query[name] === undefined ? {} : { [name]: query[name] }) as Record<string, never>;
}

function parseStates(textOfStates: string): TaskState[] {
  if (textOfStates === "open") return ["BLOCKED", "FREE", "ASSIGNED", "RUNNING"];
  return textOfStates.split(",").map((state) => {
    if (!(TASK_STATES as readonly string[]).includes(state))
      throw new HubError(400, "bad-state", `${state}: no state; they are ` + TASK_STATES.join(", "));
    return state as TaskState;
  });
}
