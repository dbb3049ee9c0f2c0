/** Jobs; and one of them, with what it writes. */
import { splitWords } from "@stratos/base/split-words";
import { button } from "../button.ts";
import { element, labelled, meter, row, table } from "../elements.ts";
import { moment } from "../language.ts";
import { ask, content } from "./rest.ts";
import { administers, form, operates, startJob, type View, type ViewContext } from "./view.ts";
import { say } from "./words.ts";

interface Job {
  readonly id: number;
  readonly command: readonly string[];
  readonly by: string;
  readonly isRunning: boolean;
  readonly startedMs: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly cause: string | null;
  readonly progress: string;
  readonly percent: number | null;
}

/** Characters of a log that are on the page; the first ones go. */
const SHOWN_MAX = 1 << 18;

export const jobsView: View = async (context) => {
  const [id] = context.parts;
  return id === undefined ? allJobs(context) : oneJob(context, id);
};

async function allJobs(context: ViewContext): Promise<readonly Node[]> {
  const jobs = await ask<readonly Job[]>("GET", "/jobs");
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
  const job = await ask<Job>("GET", `/jobs/${encodeURIComponent(id)}`);
  return [
    element("h2", {}, say("job", job.id)),
    element("p", {}, element("code", {}, `stratos ${job.command.join(" ")}`)),
    element("p", { id: "job-state" }, `${job.by}, ${moment(job.startedMs)}: `, stateOf(job)),
    ...(administers(context) ? [row(ending(context, job))] : []),
    ...(operates(context) ? [await logOf(job.id)] : []),
  ];
}

function stateOf({ isRunning, exitCode, signal, cause, progress, percent }: Job): HTMLElement {
  if (!isRunning) {
    const how =
      exitCode === 0 ? say("succeeded") : (signal ?? (exitCode === null ? say("ended") : say("status", exitCode)));
    return element("span", { className: exitCode === 0 ? "" : "problem" }, [cause, how].filter(Boolean).join("; "));
  }
  const part = percent === null ? null : meter(progress, percent, 100);
  return element("span", {}, part, ` ${progress === "" ? say("running") : progress}`);
}

function ending({ attempt, go }: ViewContext, { id, isRunning }: Job): HTMLButtonElement {
  const made = isRunning
    ? button(say("cancel"), () => attempt(() => ask("POST", `/jobs/${id}/cancel`)))
    : button(say("remove"), () =>
        attempt(async () => {
          await ask("DELETE", `/jobs/${id}`);
          go("jobs");
        }),
      );
  made.setAttribute("aria-label", `${made.textContent}: ${say("job", id)}`);
  return made;
}

/** One log is on the page at a time: it grows, and stays where its reader is, or at its end. */
let shown: { readonly id: number; readonly element: HTMLElement; readonly decoder: TextDecoder; bytes: number } | null =
  null;

async function logOf(id: number): Promise<HTMLElement> {
  if (shown?.id !== id) {
    const attributes = { tabindex: "0", role: "log" };
    const made = element("pre", { id: "log", label: say("log"), attributes });
    shown = { id, element: made, decoder: new TextDecoder(), bytes: 0 };
  }
  const log = shown;
  const { scrollTop, scrollHeight, clientHeight } = log.element;
  const isAtEnd = scrollTop + clientHeight >= scrollHeight - 1;
  const from = log.bytes;
  const more = await content(`/jobs/${id}/log?from=${from}`);
  // Another drawing may have fetched the same meanwhile.
  if (log.bytes === from && more.length > 0) {
    log.bytes += more.length;
    const text = log.element.textContent + plain(log.decoder.decode(more, { stream: true }));
    log.element.textContent = text.slice(-SHOWN_MAX);
  }
  requestAnimationFrame(() => (log.element.scrollTop = isAtEnd ? log.element.scrollHeight : scrollTop));
  return log.element;
}

/** Without what only a terminal understands. */
function plain(text: string): string {
  return text.replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, "").replace(/[^\P{Cc}\n\t]/gu, "");
}
