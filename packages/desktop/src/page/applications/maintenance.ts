/**
 * Maintenance of this computer: what Stratos keeps on its disk, updates of images, checks of volumes, a report for
 * support, and the jobs that come of it. The model is the one that `stratos tui` shows.
 */
import { plainText } from "@stratos/base/printable";
import { phrase, sizeText } from "@stratos/panels/language";
import {
  endJobAction,
  type JobEntry,
  jobState,
  type MaintenanceAction,
  maintenanceFacts,
  type MaintenanceRow,
  maintenanceRows,
  SYSTEM_WORDS,
} from "@stratos/panels/systems";
import { front } from "../front.ts";
import { askWhether } from "../questions.ts";
import { ask, readText } from "../service.ts";
import { column, create, Dialog, row } from "../widgets/containers.ts";
import { Button, Label } from "../widgets/controls.ts";
import { Table } from "../widgets/table.ts";
import { Widget } from "../widgets/widget.ts";
import { currentLanguage, say } from "../words.ts";
import type { ApplicationHost, OpenedApplication } from "./application.ts";

const EVERY_MS = 1500;

const askHost: typeof ask = (method, path, body) => ask(method, `/host${path}`, body);

export function openMaintenance({ notify }: ApplicationHost): OpenedApplication {
  const language = currentLanguage();
  const words = SYSTEM_WORDS[language];
  let isShown = true;
  let isOver = false;
  let wasRunning = true;
  const attempt = (work: () => Promise<void>): void => {
    work().catch((error: unknown) => notify((error as Error).message));
  };
  const byText = <Row>(title: string, text: (row: Row) => string) => ({
    title,
    text,
    order: (one: Row, other: Row) => text(one).localeCompare(text(other)),
  });
  const rows = new Table<MaintenanceRow>(
    say("maintenance"),
    [
      byText(words.maintenance, ({ area }) => words[area]),
      byText(words.target, ({ target }) => target),
      byText(words.state, ({ told }) => told),
    ],
    ({ area, target }) => `${area} ${target}`,
  ).style({ grow: 2 });
  const jobs = new Table<JobEntry>(
    words.jobs,
    [
      { title: "#", text: ({ id }) => String(id), isNumber: true, order: (one, other) => one.id - other.id },
      byText(words.command, ({ command }) => `stratos ${command.join(" ")}`),
      byText(words.state, (job) => plainText(jobState(job, language))),
    ],
    ({ id }) => String(id),
    0,
    true,
  ).style({ grow: 1 });
  const free = new Label("").named("status-text").style({ grow: 1 });
  const measure = async (): Promise<void> => {
    const facts = await maintenanceFacts(askHost);
    free.text = phrase(words.free, [sizeText(facts.use.freeBytes, language), sizeText(facts.use.sizeBytes, language)]);
    rows.rows = maintenanceRows(facts, language).filter(({ area }) => area !== "report");
    offer();
  };
  const follow = async (): Promise<void> => {
    const all = await askHost<readonly JobEntry[]>("GET", "/jobs");
    jobs.rows = all;
    enable();
    const isRunning = all.some((job) => job.isRunning);
    if (wasRunning && !isRunning) await measure();
    wasRunning = isRunning;
  };
  const round = (): void => {
    if (isOver) return;
    const next = (): void => void setTimeout(round, EVERY_MS);
    if (isShown && !document.hidden) follow().then(next, next);
    else next();
  };

  const start = (action: MaintenanceAction): void =>
    attempt(async () => {
      notify((await action.run(askHost)) ?? words[action.word]);
      wasRunning = true;
      await follow();
    });
  const actions = row().style({ gap: 1 });
  const offer = (): void => {
    const buttons = (rows.chosen?.actions ?? []).map(
      (action) =>
        new Button(words[action.word], () =>
          action.question === null
            ? start(action)
            : askWhether(words[action.word], action.question, {
                yes: words[action.word],
                cancel: words.cancel,
                act: () => start(action),
              }),
        ),
    );
    actions.element.replaceChildren();
    actions.append(...buttons);
  };
  rows.on("choose", offer);

  const log = new Button(words.log, () => {
    const { chosen } = jobs;
    if (chosen !== null) attempt(() => showLog(chosen, words.log));
  });
  const end = new Button(words.cancel, () => {
    const { chosen } = jobs;
    if (chosen !== null)
      attempt(async () => {
        await endJobAction(chosen).run(askHost);
        await follow();
      });
  });
  const enable = (): void => {
    const { chosen } = jobs;
    for (const button of [log, end]) button.isEnabled = chosen !== null;
    end.element.textContent = words[chosen === null ? "cancel" : endJobAction(chosen).word];
  };
  jobs.on("choose", enable);
  const report = new Button(words.report, () => attempt(saveReport));
  report.element.title = words.reportHelp;
  const refresh = new Button("↻", () => attempt(measure)).labelled(say("refresh"));
  enable();
  round();
  return {
    title: say("maintenance"),
    size: { width: 760, height: 560 },
    min: { width: 420, height: 320 },
    root: column(
      row(free, report, refresh).named("toolbar"),
      rows,
      row(actions).named("toolbar"),
      jobs,
      row(log, end).named("toolbar"),
    ).named("application"),
    argument: null,
    focus: () => rows.focus(),
    shown: (shown) => void (isShown = shown),
    end: () => void (isOver = true),
  };
}

async function showLog({ id, command }: JobEntry, title: string): Promise<void> {
  const text = plainText(await readText(`/host/jobs/${id}/log`));
  const lines = create("pre", "log");
  lines.tabIndex = 0;
  lines.textContent = text === "" ? say("empty") : text;
  const close = new Button(say("ok"), () => dialog.close()).named("primary");
  const dialog = new Dialog(`${title}: stratos ${command.join(" ")}`, [
    new Widget(lines),
    row(close).style({ justify: "end" }),
  ]).open(front());
}

/** On the computer of the browser. */
async function saveReport(): Promise<void> {
  const text = `${JSON.stringify(await askHost<object>("GET", "/report"), null, 2)}\n`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `stratos-report-${new Date().toISOString().slice(0, 10)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
