/** `/failures`: what broke, by cause. */
import { Hono } from "hono";
import { html, raw } from "hono/html";
import { counted } from "@stratos/base";
import type { FailedRunView, FailureReport, FailureView } from "@stratos/hub-api";
import type { HubService } from "../hub-service.ts";
import { failureReport, runsOfFailure } from "../store/failures.ts";
import { HubError } from "../store/hub-error.ts";
import type { PageVisit } from "./page-visit.ts";
import { page, table, taskLink, timeOf, type Html, type Reader } from "./pages.ts";

const HERE = "/failures";
const DAY_MS = 86_400_000;
const SPANS = [1, 7, 30, 365] as const;
const SHOWN = 50;
const RUNS_SHOWN = 200;
const FIELDS = ["package", "suite", "arch", "channel", "cause"] as const;

type Wanted = Readonly<Partial<Record<(typeof FIELDS)[number], string>>>;

export function failurePages({ database }: HubService, { permitted }: PageVisit): Hono {
  const app = new Hono();
  app.get(HERE, async (context) => {
    const who = await permitted(context, "task:read");
    const query = context.req.query();
    const days = SPANS.find((span) => String(span) === query["days"]) ?? 7;
    const wanted = Object.fromEntries(
      FIELDS.flatMap((name) => {
        const value = (query[name] ?? "").trim().slice(0, 128);
        return value === "" || value.includes("\0") || !value.isWellFormed() ? [] : [[name, value]];
      }),
    ) as Wanted;
    const until = new Date();
    const filter = { ...wanted, until, since: new Date(until.getTime() - days * DAY_MS) };
    return context.html(failuresPage(await failureReport(database, filter, SHOWN), { days, wanted }, who));
  });
  app.get(`${HERE}/:failure`, async (context) => {
    const who = await permitted(context, "task:read");
    const id = context.req.param("failure");
    if (!/^[0-9a-f]{16}$/.test(id)) throw new HubError(404, "not-found", `failure ${id}: there is none`);
    return context.html(runsPage(id, await runsOfFailure(database, id, { before: null, limit: RUNS_SHOWN }), who));
  });
  return app;
}

function failuresPage(
  report: FailureReport,
  { days, wanted }: { readonly days: number; readonly wanted: Wanted },
  who: Reader,
): Html {
  const option = (span: number): Html =>
    html`<option value="${span}"${raw(span === days ? " selected" : "")}>
${span === 1 ? "day" : `${span} days`}</option>`;
  return page(
    { title: "Failures", who, here: HERE },
    html`
<form method="get" action="${HERE}"><label>Last <select name="days">${SPANS.map(option)}</select></label>
${FIELDS.map(
  (name) => html`<label>${name[0]!.toUpperCase()}${name.slice(1)}
<input name="${name}" value="${wanted[name] ?? ""}" size="10"></label> `,
)}<button>Show</button></form>
<p>${counted(report.runs, "run")} of ${counted(report.tasks, "task")} failed,
for ${counted(report.causes, "reason")}.</p>
${table(
  "Failures, those of most tasks first",
  ["Tasks", "Runs", "Cause", "Stage", "Why", "Packages", "First", "Last", "Example"],
  report.items.map((one) => [
    one.tasks,
    html`<a href="${HERE}/${one.id}">${one.runs}</a>`,
    html`${one.cause}${one.isNew ? html` <strong>new</strong>` : ""}`,
    one.stage,
    html`<code>${one.text}</code>`,
    packageWords(one),
    timeOf(one.firstSeen),
    timeOf(one.lastSeen),
    taskLink(one.example.task, who),
  ]),
)}`,
  );
}

function packageWords({ packages, packageCount }: FailureView): string {
  const more = packageCount - packages.length;
  return packages.map(({ name }) => name).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function runsPage(id: string, runs: readonly FailedRunView[], who: Reader): Html {
  return page(
    { title: `Failure ${id}`, who, here: HERE },
    table(
      "Runs that failed for this reason, newest first",
      ["When", "Task", "Package", "Suite", "Arch", "Channel", "Line"],
      runs.map((one) => [
        timeOf(one.at),
        taskLink(one.task, who),
        one.package,
        one.suite,
        one.arch,
        one.channel,
        html`<code>${one.line}</code>`,
      ]),
    ),
  );
}
