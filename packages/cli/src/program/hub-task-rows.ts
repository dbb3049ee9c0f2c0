/** Rows of `stratos hub task` and `stratos hub event`. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { HubOptions } from "../hub/hub-login.ts";
import type { SubmitOptions, TaskListOptions } from "../commands/hub-task-commands.ts";
import { collect, hubOptions, parseCount, parseSeconds, repeatable } from "./hub-options.ts";
import { jsonOption, type Finish } from "./fs-rows.ts";

const commands = () => import("../commands/hub-task-commands.ts");
const parseTask = parseCount(1);
const parseTasks = (text: string, before: readonly number[] | undefined): number[] => [
  ...(before ?? []),
  parseTask(text),
];
const parseParents = (text: string, before: readonly number[]): number[] => {
  const numbers = collect(text, []).map(Number);
  if (numbers.some((number) => !Number.isSafeInteger(number) || number < 1))
    throw new InvalidArgumentError("expected numbers of tasks");
  return [...before, ...numbers];
};
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
      .option("--kind <kind>", "what executes it: command, or build, whose argument is a source package", "command")
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
      .option("-w, --watch", "show the log, and end with status 1 when the task does not complete")
      .addOption(jsonOption())
      .action(async (command: string | undefined, args: string[], options: SubmitOptions) =>
        finish(await (await commands()).submitTask(command === undefined ? [] : [command, ...args], options)),
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
      .action(async (options: TaskListOptions) => finish(await (await commands()).listTasks(options))),
  );
  const one = (name: string, summary: string, description: string): Command =>
    hubOptions(new Command(name))
      .summary(summary)
      .description(description)
      .argument("<task>", "its number", parseTask)
      .addOption(jsonOption());
  task.addCommand(
    one("show", "show a task", "Shows a task: its state, attempts, what it waits for, artefacts.").action(
      async (id: number, options: Common) => finish(await (await commands()).showTask(id, options)),
    ),
  );
  task.addCommand(
    one(
      "watch",
      "follow a task until it ends",
      "Prints each state of a task until it ends; status 1 when it did not complete.",
    ).action(async (id: number, options: Common) => finish(await (await commands()).watchTask(id, options))),
  );
  task.addCommand(
    one(
      "why",
      "say why a task waits",
      "Says why a task waits: what it waits for, or what each filter leaves of the hosts.",
    ).action(async (id: number, options: Common) => finish(await (await commands()).whyTask(id, options))),
  );
  task.addCommand(
    hubOptions(new Command("logs"))
      .summary("print a task's log")
      .description("Prints the log of a task's last attempt, or of one.")
      .argument("<task>", "its number", parseTask)
      .option("-f, --follow", "until the task ends, through all its attempts")
      .addOption(new Option("--attempt <n>", "this attempt").argParser(parseCount(1)))
      .action(async (id: number, options: HubOptions & { follow?: true; attempt?: number }) =>
        finish(await (await commands()).showLog(id, options)),
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
      .action(async (ids: number[], options: Common & { reason?: string }) =>
        finish(await (await commands()).cancelTasks(ids, options)),
      ),
  );
  task.addCommand(
    many("retry", "try tasks again", "Tries tasks again that failed or were canceled.")
      .argument("<task...>", "their numbers", parseTasks)
      .action(async (ids: number[], options: Common) => finish(await (await commands()).retryTasks(ids, options))),
  );
  task.addCommand(
    many("priority", "change the priority of tasks that wait", "Changes the priority of tasks that wait.")
      .argument("<n>", "larger is sooner", parseCount(-1_000_000, 1_000_000))
      .argument("<task...>", "their numbers", parseTasks)
      .action(async (priority: number, ids: number[], options: Common) =>
        finish(await (await commands()).prioritizeTasks(priority, ids, options)),
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
      finish(await (await commands()).listEvents(id, options)),
    );
}
