/** `stratos hub logs`: why builds fail, by their logs. */
import { counted } from "@stratos/base";
import { InvalidArgumentError, Option, type Command } from "commander";
import type { FailedRunView, FailureReport, FailureRuleView, FailureView } from "@stratos/hub-api";
import { readGivenFile } from "../given-file.ts";
import { withHub, type HubOptions } from "../hub/hub-client.ts";
import { listOf, printItems, printJson, type Listing } from "../hub/hub-listing.ts";
import { formatTable } from "../text-table.ts";
import { noun, parseCount, parseSeconds, row } from "./hub-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

const FILTERS = ["package", "suite", "arch", "channel", "cause"] as const;

interface AnalyseOptions extends Listing, Readonly<Partial<Record<(typeof FILTERS)[number], string>>> {
  readonly since?: string;
  readonly until?: string;
  readonly limit: number;
}

export function logsCommand(finish: Finish): Command {
  const logs = noun("logs", "see what failed, by what the logs say");
  logs.addCommand(
    row(
      "analyse",
      "list failures by cause",
      "Lists what failed, by cause: runs whose logs say the same are one line, with how many they are, since when, " +
        "of which packages, and a task to look at. `+` marks what was never seen before.",
    )
      .addOption(new Option("--since <time>", "from when on: 7d, 12h, 2026-01-31 (default: 7d)").argParser(parseWhen))
      .addOption(new Option("--until <time>", "up to when, likewise (default: now)").argParser(parseWhen))
      .option("--package <name>", "of this source package, or of tasks with this label")
      .option("--suite <name>", "of builds for this suite")
      .option("--arch <arch>", "of this architecture")
      .option("--channel <name>", "of this channel")
      .option("--cause <word>", "of this kind: dependency, compiler, test, memory, disk, network, timeout …")
      .addOption(new Option("--limit <n>", "so many causes").argParser(parseCount(1, 500)).default(50))
      .addOption(jsonOption())
      .action(async (options: AnalyseOptions) => finish(await analyse(options))),
  );
  logs.addCommand(
    row("show", "list the runs of a failure", "Lists the runs that failed for one reason, the newest first.")
      .argument("<failure>", "its name, from `hub logs analyse`")
      .addOption(new Option("--limit <n>", "so many at most").argParser(parseCount(1, 500)).default(50))
      .addOption(jsonOption())
      .action(async (id: string, options: Listing & { limit: number }) =>
        finish(await listOf(`/failures/${encodeURIComponent(id)}/runs?limit=${options.limit}`, options, RUN_COLUMNS)),
      ),
  );
  logs.addCommand(
    row(
      "again",
      "find causes by the rules of now",
      "Has failed runs looked at again, after rules have changed or the program has become newer.",
    )
      .addOption(new Option("--since <time>", "those from then on (default: 7d)").argParser(parseWhen))
      .addOption(jsonOption())
      .action(async (options: Listing & { since?: string }) => finish(await again(options))),
  );
  logs.addCommand(
    row("rules", "list the operator's own rules", "Lists the rules of `stratos hub --failure-rules`, and how they do.")
      .addOption(jsonOption())
      .action(async (options: Listing) =>
        finish(await listOf<FailureRuleView>("/failure-rules", options, RULE_COLUMNS)),
      ),
  );
  logs.addCommand(
    noun("explain", "find the cause in a log of one's own")
      .usage("[OPTIONS] FILE")
      .description("Finds the cause in a log, as a hub would: to try rules.")
      .argument("<file>", "a log")
      .option("--rules <file>", "rules, as `stratos hub --failure-rules` takes them")
      .addOption(jsonOption())
      .action(async (file: string, options: { rules?: string; json?: true }) => finish(await explain(file, options))),
  );
  return logs;
}

/** A span that has passed until now, or a day, which begins in UTC, or a time. */
function parseWhen(text: string): string {
  if (/^\d{1,9}[smhd]$/.test(text)) return new Date(Date.now() - parseSeconds(text) * 1_000).toISOString();
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  if (!isTime || Number.isNaN(Date.parse(text)))
    throw new InvalidArgumentError("expected a time, such as 7d, 2026-01-31 or 2026-01-31T12:00:00Z");
  return new Date(text).toISOString();
}

const when = (time: string): string => time.slice(0, 16).replace("T", " ");

function packageWords({ packages, packageCount }: FailureView): string {
  const shown = packages.slice(0, 3).map(({ name }) => name);
  const more = packageCount - shown.length;
  return shown.join(",") + (more > 0 ? ` +${more}` : "");
}

const COLUMNS: Readonly<Record<string, (one: FailureView) => string>> = {
  TASKS: ({ tasks }) => String(tasks),
  RUNS: ({ runs }) => String(runs),
  CAUSE: ({ cause, isNew }) => cause + (isNew ? " +" : ""),
  STAGE: ({ stage }) => stage,
  FIRST: ({ firstSeen }) => when(firstSeen),
  LAST: ({ lastSeen }) => when(lastSeen),
  PACKAGES: packageWords,
  TASK: ({ example }) => String(example.task),
  FAILURE: ({ id }) => id,
  WHY: ({ text }) => text,
};
const RUN_COLUMNS: Readonly<Record<string, (one: FailedRunView) => string>> = {
  WHEN: ({ at }) => when(at),
  TASK: ({ task }) => String(task),
  PACKAGE: (one) => one.package,
  SUITE: ({ suite }) => suite,
  ARCH: ({ arch }) => arch,
  CHANNEL: ({ channel }) => channel,
  LINE: ({ line }) => line,
};
const RULE_COLUMNS: Readonly<Record<string, (one: FailureRuleView) => string>> = {
  RULE: ({ number }) => String(number),
  CAUSE: ({ cause }) => cause,
  STAGE: ({ stage }) => stage ?? "",
  RUNS: ({ runs }) => String(runs),
  STATE: ({ off }) => off ?? "used",
  MATCH: ({ match }) => match,
};

function analyse(options: AnalyseOptions): Promise<number> {
  return withHub(options, async (client) => {
    const query = new URLSearchParams({ limit: String(options.limit) });
    for (const name of ["since", "until", ...FILTERS] as const)
      if (options[name] !== undefined) query.set(name, options[name]);
    const report = await client.call<FailureReport>("GET", `/failures?${query}`);
    if (options.json === true) return printJson(report);
    const { runs, tasks, causes, items } = report;
    const failed = `${counted(runs, "run")} of ${counted(tasks, "task")} failed, for ${counted(causes, "reason")}`;
    process.stdout.write(`${failed}, from ${when(report.since)} to ${when(report.until)} UTC\n`);
    if (items.length > 0) printItems(items, {}, COLUMNS);
    if (items.length < causes) process.stdout.write(`and ${causes - items.length} more (--limit)\n`);
  });
}

function again(options: HubOptions & { readonly since?: string; readonly json?: true }): Promise<number> {
  return withHub(options, async (client) => {
    const since = options.since ?? parseWhen("7d");
    const answer = await client.call<{ runs: number }>("POST", "/failures/again", { since });
    if (options.json === true) return printJson(answer);
    process.stdout.write(`${counted(answer.runs, "run")} ${answer.runs === 1 ? "is" : "are"} looked at again\n`);
  });
}

async function explain(file: string, options: { readonly rules?: string; readonly json?: true }): Promise<number> {
  const { causeOfLog, OwnRules } = await import("@stratos/hub");
  const { readFailureRules } = await import("./hub-failure-rules.ts");
  const log = readGivenFile(file);
  const warn = (message: string): void => void process.stderr.write(`stratos: ${message}\n`);
  const rules = new OwnRules(options.rules === undefined ? [] : readFailureRules(options.rules), warn);
  const found = await causeOfLog(log, { failureClass: null, message: "" }, rules);
  await rules.close();
  if (options.json === true) printJson(found);
  else
    process.stdout.write(
      formatTable(["CAUSE", "STAGE", "FAILURE", "LINE"], [[found.cause, found.stage, found.id, found.line]]),
    );
  return 0;
}
