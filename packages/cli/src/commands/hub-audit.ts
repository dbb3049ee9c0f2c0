/** `stratos hub alert|compliance`: what of the audit somebody should look at. */
import { Argument, InvalidArgumentError, Option, type Command } from "commander";
import { COMPLIANCE_STANDARDS, type ComplianceReport, type ComplianceStandard, type EventView } from "@stratos/hub-api";
import { withHub, type HubOptions } from "../hub/hub-client.ts";
import { listOf, printJson } from "../hub/hub-listing.ts";
import { noun, parseCount, row } from "./hub-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

interface Common extends HubOptions {
  readonly json?: true;
}
interface ReportOptions extends Common {
  readonly since?: string;
  readonly until?: string;
}

export function hubAuditCommands(finish: Finish): Command[] {
  const alert = noun("alert", "list alerts");
  alert.addCommand(
    row(
      "ls",
      "list the last alerts",
      "Lists what a hub was alerted by, the newest first: guessed keys (brute-force), requests beyond what somebody " +
        "may (probing), changed roles and keys (privileges-changed). `hub webhook add URL ALERT` has them told.",
    )
      .addOption(new Option("--limit <n>", "so many at most").argParser(parseCount(1, 500)).default(50, "50"))
      .addOption(jsonOption())
      .action(async (options: Common & { limit: number }) => finish(await listAlerts(options))),
  );
  const report = row(
    "compliance",
    "write a report for auditors",
    "Prints what a hub's audit and tables say of the clauses of a standard that a build hub touches (sox, gdpr, " +
      "iso27001), and of each what somebody should look at. It takes the permission token:read, which auditors have. " +
      "It is evidence, not a verdict.",
  )
    .addArgument(new Argument("<standard>", "whose clauses").choices(COMPLIANCE_STANDARDS))
    .addOption(new Option("--since <time>", "from when on (default: 90 days ago): 2026-01-31").argParser(parseTime))
    .addOption(new Option("--until <time>", "up to when (default: now): 2026-03-31").argParser(parseTime))
    .addOption(jsonOption())
    .action(async (standard: ComplianceStandard, options: ReportOptions) =>
      finish(await printReport(standard, options)),
    );
  return [alert, report];
}

/** A day begins in UTC, as all times of the audit are. */
function parseTime(text: string): string {
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  if (!isTime || Number.isNaN(Date.parse(text)))
    throw new InvalidArgumentError("expected a time, such as 2026-01-31 or 2026-01-31T12:00:00Z");
  return new Date(text).toISOString();
}

function listAlerts(options: Common & { readonly limit: number }): Promise<number> {
  type Alert = EventView & { readonly detail: { readonly rule: string; readonly text: string } };
  return listOf<Alert>(`/alerts?limit=${options.limit}`, options, {
    WHEN: ({ at }) => at,
    RULE: ({ detail }) => detail.rule,
    WHAT: ({ detail }) => detail.text,
  });
}

function printReport(standard: ComplianceStandard, options: ReportOptions): Promise<number> {
  return withHub(options, async (client) => {
    const query = new URLSearchParams();
    for (const name of ["since", "until"] as const) if (options[name] !== undefined) query.set(name, options[name]);
    const report = await client.call<ComplianceReport>("GET", `/compliance/${standard}?${query}`);
    if (options.json === true) return printJson(report);
    process.stdout.write(`${report.title}\n${report.from} to ${report.until}\n`);
    for (const { clause, title, facts, findings } of report.clauses) {
      process.stdout.write(`\n${clause}: ${title}\n`);
      const width = Math.max(...facts.map(({ what }) => what.length));
      for (const { what, value } of facts) process.stdout.write(`  ${what.padEnd(width)}  ${value}\n`);
      if (facts.length === 0) process.stdout.write("  nothing in this span\n");
      for (const finding of findings) process.stdout.write(`  ! ${finding}\n`);
    }
  });
}
