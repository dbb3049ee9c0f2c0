/** `stratos hub task`: tasks of a hub, from the outside. */
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { printable } from "@stratos/base";
import { hubEvents, taskLog, taskStates } from "@stratos/hub/client";
import type { EventView, HubClient, TaskDetails, TaskSubmission, TaskView, WaitReason } from "@stratos/hub-api";
import { OperationError } from "@stratos/operation";
import { type HubOptions, withHub } from "../hub/hub-client.ts";
import { endOf, waitForTasks } from "../hub/wait-for-tasks.ts";
import { sayingWhyItWaits } from "../hub/why-it-waits.ts";
import { collectList, hubOptions, parseCount, parseSeconds, repeatable } from "./hub-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { formatTable } from "../text-table.ts";

const parseTask = parseCount(1);
const parseTasks = (text: string, before: readonly number[] | undefined): number[] => [
  ...(before ?? []),
  parseTask(text),
];
const parseParents = (text: string, before: readonly number[]): number[] => {
  const numbers = collectList(text, []).map(Number);
  if (numbers.some((number) => !Number.isSafeInteger(number) || number < 1))
    throw new InvalidArgumentError("expected numbers of tasks");
  return [...before, ...numbers];
};
const DEFAULT_KIND = "command";

interface Common extends HubOptions {
  readonly json?: true;
}

export function taskCommand(finish: Finish): Command {
  const task = new Command("task")
    .enablePositionalOptions()
    .summary("submit tasks, and see what becomes of them")
    .description("Submits tasks to a hub, and shows, follows and changes them.")
    .usage("COMMAND");
  task.addCommand(
    hubOptions(new Command("submit"))
      .description(
        "Submits a task and prints its number: a command, another kind with --payload, or with --file many at once.",
      )
      .summary("submit a task")
      .usage("[OPTIONS] [--] [CMD [ARG…]]")
      .argument("[cmd]", "program that a worker runs in a folder of its own")
      .argument("[arg...]", "its arguments")
      .passThroughOptions()
      .option("--kind <kind>", "what executes it: command, or build, whose argument is a source package", DEFAULT_KIND)
      .option("--payload <json>", "what it is to do, as a JSON object; @FILE reads a file")
      .option(
        "-f, --file <file>",
        'a JSON list of tasks, or {"name":…,"tasks":[…]} for a workflow; - reads stdin. They may wait for each ' +
          'other: "afterInBatch":[0]',
      )
      .option("--arch <arch>", "architecture of its host (default: every one will do)")
      .option("--channel <name>", "channel (default: default)")
      .option("--label <text>", "what people call it (default: the command)")
      .addOption(
        new Option("-p, --priority <n>", "larger is sooner (default: 0)").argParser(parseCount(-1_000_000, 1_000_000)),
      )
      .addOption(
        new Option("--weight <n>", "units of its host's capacity (default: 1)").argParser(parseCount(1, 1_000_000)),
      )
      .addOption(repeatable("--require <word>", "capabilities that its host must have"))
      .addOption(
        new Option("--after <tasks>", "starts when these have completed, and is canceled when one has not (repeatable)")
          .argParser(parseParents)
          .default([], "none"),
      )
      .addOption(
        new Option("--after-end <tasks>", "starts when these have ended, however they did (repeatable)")
          .argParser(parseParents)
          .default([], "none"),
      )
      .addOption(new Option("--timeout <time>", "30s, 15m, 12h (default: 6h)").argParser(parseSeconds))
      .addOption(repeatable("--artefact <file>", "files that the command leaves, and that the hub keeps"))
      .option("--key <text>", "submit once for this key, however often the command is repeated")
      .option(
        "-w, --watch",
        "show the log (with --file: only wait), and end with status 1 when a task does not complete",
      )
      .addOption(jsonOption())
      .action(async (command: string | undefined, args: string[], options: SubmitOptions) =>
        finish(await submitTask(command === undefined ? [] : [command, ...args], options)),
      ),
  );
  task.addCommand(
    hubOptions(new Command("ls"))
      .description("Lists tasks, newest first.")
      .summary("list tasks")
      .option("--state <states>", "open, or states separated by commas")
      .option("--channel <name>", "of this channel")
      .option("--owner <name>", "of this principal")
      .option("--workflow <n>", "of this workflow")
      .addOption(new Option("-n, --limit <n>", "how many at most").argParser(parseCount(1, 100_000)).default(50, "50"))
      .addOption(jsonOption())
      .action(async (options: TaskListOptions) => finish(await listTasks(options))),
  );
  const one = (name: string, summary: string, description: string): Command =>
    hubOptions(new Command(name))
      .summary(summary)
      .description(description)
      .argument("<task>", "its number", parseTask)
      .addOption(jsonOption());
  task.addCommand(
    one("show", "show a task", "Shows a task: its state, attempts, what it waits for, artefacts.").action(
      async (id: number, options: Common) => finish(await showTask(id, options)),
    ),
  );
  task.addCommand(
    one(
      "watch",
      "follow a task until it ends",
      "Prints each state of a task until it ends; status 1 when it did not complete.",
    ).action(async (id: number, options: Common) => finish(await watchTask(id, options))),
  );
  task.addCommand(
    one(
      "why",
      "say why a task waits",
      "Says why a task waits: what it waits for, or what each filter leaves of the hosts.",
    ).action(async (id: number, options: Common) => finish(await whyTask(id, options))),
  );
  task.addCommand(
    hubOptions(new Command("logs"))
      .summary("print a task's log")
      .description("Prints the log of a task's last attempt, or of one.")
      .argument("<task>", "its number", parseTask)
      .option("-f, --follow", "until the task ends, through all its attempts")
      .addOption(new Option("--attempt <n>", "this attempt").argParser(parseCount(1)))
      .action(async (id: number, options: HubOptions & { follow?: true; attempt?: number }) =>
        finish(await showLog(id, options)),
      ),
  );
  const many = (name: string, summary: string, description: string): Command =>
    hubOptions(new Command(name)).summary(summary).description(description).addOption(jsonOption());
  task.addCommand(
    many(
      "cancel",
      "cancel tasks",
      "Cancels tasks: at once those that wait, the others when their hosts have stopped them.",
    )
      .option("--reason <text>", "for those who ask")
      .argument("<task...>", "their numbers", parseTasks)
      .action(async (ids: number[], options: Common & { reason?: string }) => finish(await cancelTasks(ids, options))),
  );
  task.addCommand(
    many("retry", "try tasks again", "Tries tasks again that failed or were canceled.")
      .argument("<task...>", "their numbers", parseTasks)
      .option("-w, --watch", "wait until all have ended; status 1 when one did not complete")
      .action(async (ids: number[], options: Common & { watch?: true }) => finish(await retryTasks(ids, options))),
  );
  task.addCommand(
    many("priority", "change the priority of tasks that wait", "Changes the priority of tasks that wait.")
      .argument("<n>", "larger is sooner", parseCount(-1_000_000, 1_000_000))
      .argument("<task...>", "their numbers", parseTasks)
      .action(async (priority: number, ids: number[], options: Common) =>
        finish(await prioritizeTasks(priority, ids, options)),
      ),
  );
  return task;
}

export function eventCommand(finish: Finish): Command {
  return hubOptions(new Command("event"))
    .summary("what happened")
    .description("Prints what happened at a hub, or to a task: the audit.")
    .argument("[task]", "of this task alone", parseTask)
    .option("-f, --follow", "go on with what happens")
    .addOption(jsonOption())
    .action(async (id: number | undefined, options: Common & { follow?: true }) =>
      finish(await listEvents(id, options)),
    );
}

interface SubmitOptions extends HubOptions {
  readonly kind: string;
  readonly payload?: string;
  readonly file?: string;
  readonly arch?: string;
  readonly channel?: string;
  readonly label?: string;
  readonly priority?: number;
  readonly weight?: number;
  readonly require: readonly string[];
  readonly after: readonly number[];
  readonly afterEnd: readonly number[];
  readonly timeout?: number;
  readonly artefact: readonly string[];
  readonly key?: string;
  readonly watch?: true;
  readonly json?: true;
}

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

function submitTask(command: readonly string[], options: SubmitOptions): Promise<number> {
  const headers = options.key === undefined ? {} : { "idempotency-key": options.key };
  if (options.file !== undefined) return submitFile(options.file, command, { ...options, headers });
  return withHub(options, async (client) => {
    const task = await client.call<TaskView>("POST", "/tasks", submission(command, options), { headers });
    if (options.watch !== true) {
      if (options.json === true) print(task);
      else process.stdout.write(`${task.id}\n`);
      return 0;
    }
    process.stderr.write(`stratos: task ${task.id}\n`);
    await sayingWhyItWaits(client, task.id, () => followLog(client, task.id));
    return endOf(client, await client.call<TaskView>("GET", `/tasks/${task.id}`));
  });
}

/** What says of one task how it is. */
const OF_ONE_TASK = {
  "--payload": ({ payload }) => payload !== undefined,
  "--kind": ({ kind }) => kind !== DEFAULT_KIND,
  "--arch": ({ arch }) => arch !== undefined,
  "--channel": ({ channel }) => channel !== undefined,
  "--label": ({ label }) => label !== undefined,
  "--priority": ({ priority }) => priority !== undefined,
  "--weight": ({ weight }) => weight !== undefined,
  "--timeout": ({ timeout }) => timeout !== undefined,
  "--require": ({ require }) => require.length > 0,
  "--after": ({ after }) => after.length > 0,
  "--after-end": ({ afterEnd }) => afterEnd.length > 0,
  "--artefact": ({ artefact }) => artefact.length > 0,
} satisfies Record<string, (options: SubmitOptions) => boolean>;

function submitFile(
  file: string,
  command: readonly string[],
  options: SubmitOptions & { readonly headers: Readonly<Record<string, string>> },
): Promise<number> {
  if (command.length > 0) throw new UsageError("--file", "is instead of a command");
  const other = Object.entries(OF_ONE_TASK).find(([, isGiven]) => isGiven(options))?.[0];
  if (other !== undefined) throw new UsageError(other, "with --file each task of the file says it itself");
  const body = readJson(file);
  const isWorkflow = typeof body === "object" && body !== null && "name" in body;
  return withHub(options, async (client) => {
    const answer = await client.call<{ id?: number; tasks: { id: number; state: string }[] }>(
      "POST",
      isWorkflow ? "/workflows" : "/task-batches",
      Array.isArray(body) ? { tasks: body } : body,
      { headers: options.headers },
    );
    const ids = answer.tasks.map(({ id }) => id);
    if (options.json === true) print(answer);
    else process.stdout.write(ids.map((id) => `${id}\n`).join(""));
    return options.watch === true ? waitForTasks(client, ids) : 0;
  });
}

function submission(command: readonly string[], options: SubmitOptions): TaskSubmission {
  if (options.kind === "command" && options.payload === undefined && command.length === 0)
    throw new UsageError("CMD", "missing; see --help");
  if (command.length > 0 && options.payload !== undefined) throw new UsageError("--payload", "is instead of a command");
  if (options.kind === "build" && options.payload === undefined && command.length !== 1)
    throw new UsageError("SOURCE", "is the one argument of a build");
  const payload =
    options.payload === undefined && options.kind === "build"
      ? { source: command[0]! }
      : options.payload === undefined
        ? { argv: command, ...(options.artefact.length === 0 ? {} : { artefacts: options.artefact }) }
        : readPayload(options.payload);
  return {
    kind: options.kind,
    payload,
    label: options.label ?? command.join(" ").slice(0, 200).toWellFormed(),
    ...given("arch", options.arch),
    ...given("channel", options.channel),
    ...given("priority", options.priority),
    ...given("weight", options.weight),
    ...given("timeoutSeconds", options.timeout),
    ...(options.require.length === 0 ? {} : { requires: options.require }),
    ...(options.after.length === 0 ? {} : { after: options.after }),
    ...(options.afterEnd.length === 0 ? {} : { afterEnd: options.afterEnd }),
  };
}

/** An option that was not given is not said. */
export function given<Name extends string, Value>(name: Name, value: Value | undefined): Partial<Record<Name, Value>> {
  return (value === undefined ? {} : { [name]: value }) as Partial<Record<Name, Value>>;
}

export const readPayload = (text: string): Record<string, unknown> => readObject(text, "--payload");

/** JSON, or @FILE. @param option  whose it is */
export function readObject(text: string, option: string): Record<string, unknown> {
  const value = text.startsWith("@") ? readJson(text.slice(1)) : parseJson(text, option);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UsageError(option, "expected a JSON object");
  return value as Record<string, unknown>;
}

export function readJson(path: string): unknown {
  try {
    return parseJson(readFileSync(path === "-" ? 0 : path, "utf8"), path);
  } catch (error) {
    throw error instanceof OperationError ? error : new CommandError(path, hostReason(error), { cause: error });
  }
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UsageError(what, (error as Error).message);
  }
}

interface TaskListOptions extends HubOptions {
  readonly state?: string;
  readonly channel?: string;
  readonly owner?: string;
  readonly workflow?: string;
  readonly limit: number;
  readonly json?: true;
}

function listTasks(options: TaskListOptions): Promise<number> {
  return withHub(options, async (client) => {
    const query = new URLSearchParams({ limit: String(Math.min(options.limit, 500)) });
    for (const name of ["state", "channel", "owner", "workflow"] as const)
      if (options[name] !== undefined) query.set(name, options[name]);
    const tasks: TaskView[] = [];
    for (let next: string | null = ""; next !== null && tasks.length < options.limit;) {
      if (next !== "") query.set("cursor", next);
      const page: { items: TaskView[]; next: string | null } = await client.call("GET", `/tasks?${query}`);
      tasks.push(...page.items);
      next = page.next;
    }
    const shown = tasks.slice(0, options.limit);
    if (options.json === true) print(shown);
    else
      process.stdout.write(
        formatTable(
          ["TASK", "STATE", "CHANNEL", "ARCH", "PRIORITY", "OWNER", "AGE", "LABEL"],
          shown.map((task) => [
            String(task.id),
            task.state,
            task.channel,
            task.arch,
            String(task.priority),
            task.owner,
            age(task.created),
            task.label || task.kind,
          ]),
        ),
      );
  });
}

function age(since: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1_000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)}h` : `${Math.round(seconds / 86_400)}d`;
}

function showTask(id: number, options: HubOptions & { readonly json?: true }): Promise<number> {
  return withHub(options, async (client) => {
    const task = await client.call<TaskDetails>("GET", `/tasks/${id}`);
    if (options.json === true) return print(task);
    const lines: [string, string][] = [
      ["task", `${task.id}  ${task.label}`],
      ["kind", `${task.kind} on ${task.arch}`],
      ["state", task.state + (task.cancelRequested && task.finished === null ? " (to be canceled)" : "")],
      ["channel", `${task.channel}, priority ${task.priority}`],
      ["owner", task.owner],
      ["created", task.created],
      ["finished", task.finished ?? "-"],
      ...(task.message === null
        ? []
        : [
            ["message", `${task.failureClass === null ? "" : `${task.failureClass}: `}${task.message}`] as [
              string,
              string,
            ],
          ]),
      ...(task.failure == null ? [] : [["cause", `${task.failure.cause}: ${task.failure.line}`] as [string, string]]),
      ...task.parents.map(({ id: parent, state, needs }): [string, string] => [
        "after",
        `${parent} (${state}), to ` + (needs === "success" ? "complete" : "end"),
      ]),
      ...(task.children.length === 0 ? [] : [["before", task.children.join(" ")] as [string, string]]),
      ...task.runs.map((run): [string, string] => [
        `attempt ${run.attempt}`,
        `${run.state} on ${run.host}, ${run.assigned}${run.ended === null ? "" : ` to ${run.ended}`}` +
          (run.message === null ? "" : `: ${run.message}`),
      ]),
      ...task.artefacts.map(({ name, size, digest }): [string, string] => [
        "artefact",
        `${name}  ${size} bytes  ${digest}`,
      ]),
    ];
    const width = Math.max(...lines.map(([name]) => name.length));
    process.stdout.write(lines.map(([name, value]) => `${name.padEnd(width)}  ${oneLine(value)}\n`).join(""));
  });
}

/** Labels and messages are anybody's words. */
const oneLine = (text: string): string => printable(text).replaceAll("\n", "\\n");

function watchTask(id: number, options: HubOptions & { readonly json?: true }): Promise<number> {
  return withHub(options, async (client) => {
    let last: TaskView | undefined;
    for await (last of taskStates(client, id))
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(last)}\n`
          : `${new Date().toISOString()}  ${last.state}${newsOf(last)}\n`,
      );
    return endOf(client, last!);
  });
}

/** While it runs again, its message is of the attempt before. */
function newsOf({ state, message }: TaskView): string {
  return message === null || state === "ASSIGNED" || state === "RUNNING" ? "" : `  ${oneLine(message)}`;
}

async function followLog(client: HubClient, id: number): Promise<void> {
  for await (const text of taskLog(client, id)) process.stdout.write(text);
}

function showLog(
  id: number,
  options: HubOptions & { readonly follow?: true; readonly attempt?: number },
): Promise<number> {
  return withHub(options, async (client) => {
    if (options.follow === true) return followLog(client, id);
    for (let offset = 0; ;) {
      const response = await client.raw(
        "GET",
        `/tasks/${id}/log?offset=${offset}` + (options.attempt === undefined ? "" : `&attempt=${options.attempt}`),
        {},
      );
      const bytes = new Uint8Array(await response.arrayBuffer());
      process.stdout.write(bytes);
      offset = Number(response.headers.get("log-offset"));
      if (bytes.length === 0) return;
    }
  });
}

function cancelTasks(
  ids: readonly number[],
  options: HubOptions & { readonly reason?: string; readonly json?: true },
): Promise<number> {
  return changeTasks(ids, options, (client, id) =>
    client.call("POST", `/tasks/${id}/cancel`, options.reason === undefined ? {} : { reason: options.reason }),
  );
}

function retryTasks(ids: readonly number[], options: Common & { readonly watch?: true }): Promise<number> {
  return changeTasks(ids, options, (client, id) => client.call("POST", `/tasks/${id}/retry`, {}));
}

function prioritizeTasks(
  priority: number,
  ids: readonly number[],
  options: HubOptions & { readonly json?: true },
): Promise<number> {
  return changeTasks(ids, options, (client, id) => client.call("PATCH", `/tasks/${id}`, { priority }));
}

function changeTasks(
  ids: readonly number[],
  options: Common & { readonly watch?: true },
  change: (client: HubClient, id: number) => Promise<TaskView>,
): Promise<number> {
  return withHub(options, async (client) => {
    const changed: TaskView[] = [];
    for (const id of ids) changed.push(await change(client, id));
    if (options.json === true) print(changed);
    else
      process.stdout.write(
        changed
          .map(
            (task) =>
              `${task.id}  ${task.state}` +
              (task.cancelRequested && task.finished === null ? " (its host is told)" : "") +
              "\n",
          )
          .join(""),
      );
    return options.watch === true ? waitForTasks(client, ids) : 0;
  });
}

function whyTask(id: number, options: HubOptions & { readonly json?: true }): Promise<number> {
  return withHub(options, async (client) => {
    const why = await client.call<WaitReason>("GET", `/tasks/${id}/why`);
    if (options.json === true) return print(why);
    process.stdout.write(
      `${why.state}: ${printable(why.summary)}\n` +
        why.filters.map(({ filter, left, of }) => `  ${left} of ${of} hosts ${filter}\n`).join("") +
        (why.ahead === 0 ? "" : `  ${why.ahead} ${why.ahead === 1 ? "task comes" : "tasks come"} first\n`),
    );
  });
}

function listEvents(
  id: number | undefined,
  options: HubOptions & { readonly follow?: true; readonly json?: true },
): Promise<number> {
  return withHub(options, async (client) => {
    const show = (event: EventView): void =>
      void process.stdout.write(
        options.json === true
          ? `${JSON.stringify(event)}\n`
          : `${event.at}  ${event.actor}  ${event.what}${event.task === null ? "" : `  task ${event.task}`}` +
              (event.run === null ? "" : `  run ${event.run}`) +
              `${event.detail === null ? "" : `  ${printable(JSON.stringify(event.detail))}`}\n`,
      );
    const path = id === undefined ? "/events" : `/tasks/${id}/events`;
    let cursor: string | null = "";
    let last = "";
    while (cursor !== null) {
      const page: { items: EventView[]; next: string | null } = await client.call(
        "GET",
        `${path}?limit=500${cursor === "" ? "" : `&cursor=${cursor}`}`,
      );
      page.items.forEach(show);
      last = page.items.at(-1)?.cursor ?? last;
      cursor = page.items.length === 0 ? null : page.next;
    }
    if (options.follow !== true) return;
    const warn = (words: string): void => void process.stderr.write(`stratos hub event: ${words}\n`);
    for await (const event of hubEvents(client, last, warn)) if (id === undefined || event.task === id) show(event);
  });
}
