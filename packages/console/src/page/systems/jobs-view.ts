/** Jobs; and one of them, with what it writes. */
import { plainText } from "@stratos/base/printable";
import { splitWords } from "@stratos/base/split-words";
import { endJobAction, type JobEntry, jobState } from "@stratos/panels/systems";
import { button } from "../button.ts";
import { element, labelled, meter, row, table } from "../elements.ts";
import { language, moment } from "../language.ts";
import { keepScroll, logElement } from "./log-element.ts";
import { ask, content } from "./rest.ts";
import { administers, form, operates, startJob, type View, type ViewContext } from "./view.ts";
import { say } from "./words.ts";

/** Characters of a log that are on the page; the first ones go. */
const SHOWN_MAX = 1 << 18;

export const jobsView: View = async (context) => {
  const [id] = context.parts;
  return id === undefined ? allJobs(context) : oneJob(context, id);
};

async function allJobs(context: ViewContext): Promise<readonly Node[]> {
  const jobs = await ask<readonly JobEntry[]>("GET", "/jobs");
  const rows = jobs.map((job) => [
    button(say("job", job.id), () => context.go("jobs", String(job.id))),
    job.command.join(" "),
    job.by,
    moment(job.startedMs),
    stateOf(job),
    administers(context) ? ending(context, job) : null,
  ]);
  const input = element("input", {
    id: "job-command",
    attributes: { required: "", size: "40", placeholder: "image pull …", autocomplete: "off", spellcheck: "false" },
  });
  const start = form(
    () => {
      const command = splitWords(input.value);
      input.setCustomValidity(command === null ? say("openQuote") : "");
      if (command === null) input.reportValidity();
      else startJob(context, command);
    },
    labelled(say("startJob"), input),
    element("button", {}, say("start")),
    element("small", {}, say("commandHelp")),
  );
  input.addEventListener("input", () => input.setCustomValidity(""));
  const heads = ["", say("command"), say("who"), say("started"), say("state"), ""];
  return [
    element("h2", {}, say("jobs")),
    ...(administers(context) ? [start] : []),
    jobs.length === 0 ? element("p", {}, say("noJobs")) : table(say("jobs"), heads, rows),
  ];
}

async function oneJob(context: ViewContext, id: string): Promise<readonly Node[]> {
  const job = await ask<JobEntry>("GET", `/jobs/${encodeURIComponent(id)}`);
  return [
    element("h2", {}, say("job", job.id)),
    element("p", {}, element("code", {}, `stratos ${job.command.join(" ")}`)),
    element("p", { id: "job-state" }, `${job.by}, ${moment(job.startedMs)}: `, stateOf(job)),
    ...(administers(context) ? [row(ending(context, job))] : []),
    ...(operates(context) ? [await logOf(job.id)] : []),
  ];
}

function stateOf(job: JobEntry): HTMLElement {
  const { isRunning, exitCode, progress, percent } = job;
  const text = jobState(job, language);
  if (!isRunning) return element("span", { className: exitCode === 0 ? "" : "problem" }, text);
  return element("span", {}, percent === null ? null : meter(progress, percent, 100), ` ${text}`);
}

function ending({ attempt, go }: ViewContext, job: JobEntry): HTMLButtonElement {
  const action = endJobAction(job);
  const made = button(say(action.word), () =>
    attempt(async () => {
      await action.run(ask);
      if (!job.isRunning) go("jobs");
    }),
  );
  made.setAttribute("aria-label", `${made.textContent}: ${say("job", job.id)}`);
  return made;
}

/** One log is on the page at a time. */
let shown: { readonly id: number; readonly element: HTMLElement; readonly decoder: TextDecoder; bytes: number } | null =
  null;

async function logOf(id: number): Promise<HTMLElement> {
  if (shown?.id !== id) {
    shown = { id, element: logElement(), decoder: new TextDecoder(), bytes: 0 };
  }
  const log = shown;
  const scroll = keepScroll(log.element);
  const from = log.bytes;
  const more = await content(`/jobs/${id}/log?from=${from}`);
  // Another drawing may have fetched the same meanwhile.
  if (log.bytes === from && more.length > 0) {
    log.bytes += more.length;
    const text = log.element.textContent + plainText(log.decoder.decode(more, { stream: true }));
    log.element.textContent = text.slice(-SHOWN_MAX);
  }
  scroll();
  return log.element;
}
