/** Builds: tasks of the hub that this console stands before; one of them, with its log; and the hub's own pages. */
import { splitWords } from "@stratos/base/split-words";
import type { TaskDetails, TaskView, WaitReason } from "@stratos/hub-api";
import { button } from "../button.ts";
import { choice, element, labelled, row, table } from "../elements.ts";
import { moment } from "../language.ts";
import { hubPage, saidInstead } from "./hub-html.ts";
import { ask, askHub } from "./rest.ts";
import { leaveLog, logOfTask } from "./task-log.ts";
import { form, operates, type View, type ViewContext } from "./view.ts";
import { viewAddress } from "./view-address.ts";
import { say } from "./words.ts";

const SHOWN = 50;
const OPEN: readonly string[] = ["BLOCKED", "FREE", "ASSIGNED", "RUNNING"];
const LABEL_MAX = 200;

/** Which tasks the list is of. */
const LISTS = ["all", "open", "FAILED", "COMPLETED", "CANCELED"] as const;

export const buildsView: View = async (context) => {
  const [id = ""] = context.parts;
  return /^\d+$/.test(id) ? oneTask(context, id) : allTasks(context, id);
};

async function allTasks(context: ViewContext, wanted: string): Promise<readonly Node[]> {
  leaveLog();
  const list = LISTS.find((each) => each === wanted) ?? "all";
  const state = list === "all" ? "" : `&state=${list}`;
  const { items } = await ask<{ readonly items: readonly TaskView[] }>("GET", `/hub/tasks?limit=${SHOWN}${state}`);
  const rows = items.map((task) => [
    button(nameOf(task), () => context.go("builds", String(task.id))),
    stateOf(task),
    task.channel,
    task.owner,
    moment(Date.parse(task.created)),
    verbsOf(context, task),
  ]);
  const select = choice(
    "builds-list",
    LISTS.map((each) => [each, say(`tasks-${each}`)]),
    list,
  );
  select.addEventListener("change", () => context.go("builds", select.value));
  const heads = [say("task"), say("state"), say("channel"), say("who"), say("started"), ""];
  return [
    element("h2", {}, say("builds")),
    row(labelled(say("shown"), select), hubLink("/", say("hubPages"))),
    ...(operates(context) ? submitForms(context) : []),
    rows.length === 0 ? element("p", {}, say("noTasks")) : table(say("builds"), heads, rows),
  ];
}

function submitForms(context: ViewContext): readonly Node[] {
  const attributes = { required: "", size: "32", autocomplete: "off", spellcheck: "false" };
  const submit = (body: object): void =>
    context.attempt(async () => {
      const { id } = await ask<TaskView>("POST", "/hub/tasks", body);
      context.go("builds", String(id));
    });
  const source = element("input", { id: "build-source", attributes: { ...attributes, placeholder: "hello" } });
  const build = form(
    () => {
      const name = source.value.trim();
      submit({ kind: "build", label: name.slice(0, LABEL_MAX), payload: { source: name } });
    },
    labelled(say("source"), source),
    element("button", {}, say("build")),
    element("small", {}, say("sourceHelp")),
  );
  const command = element("input", { id: "task-command", attributes: { ...attributes, placeholder: "make check" } });
  const run = form(
    () => {
      const argv = splitWords(command.value);
      command.setCustomValidity(argv === null ? say("openQuote") : "");
      if (argv === null) command.reportValidity();
      else submit({ kind: "command", label: command.value.trim().slice(0, LABEL_MAX), payload: { argv } });
    },
    labelled(say("command"), command),
    element("button", {}, say("run")),
    element("small", {}, say("taskHelp")),
  );
  command.addEventListener("input", () => command.setCustomValidity(""));
  return [build, run];
}

async function oneTask(context: ViewContext, id: string): Promise<readonly Node[]> {
  const task = await ask<TaskDetails>("GET", `/hub/tasks/${id}`);
  const isWaiting = task.state === "FREE" || task.state === "BLOCKED";
  const why = isWaiting ? await ask<WaitReason>("GET", `/hub/tasks/${id}/why`) : null;
  const runs = task.runs.map((run) => [
    String(run.attempt),
    run.host,
    run.state,
    moment(Date.parse(run.assigned)),
    run.ended === null ? "" : moment(Date.parse(run.ended)),
    run.message ?? "",
  ]);
  const heads = [say("attempt"), say("host"), say("state"), say("started"), say("ended"), say("why")];
  return [
    element("h2", {}, `${say("task")} ${task.id}`),
    element("p", {}, element("code", {}, nameOf(task))),
    element("p", { id: "task-state" }, stateOf(task), task.message === null ? null : `: ${task.message}`),
    ...(why === null ? [] : [element("p", { id: "task-why" }, why.summary)]),
    row(verbsOf(context, task), hubLink(`/tasks/${id}`, say("details"))),
    ...(runs.length === 0 ? [] : [table(say("attempts"), heads, runs)]),
    logOfTask(task.id, () => context.attempt(() => Promise.resolve())),
  ];
}

function nameOf(task: TaskView): string {
  return `${task.id}: ${task.label || task.kind}`;
}

function stateOf({ state }: TaskView): HTMLElement {
  return element("span", { className: state === "FAILED" ? "problem" : "" }, say(`task-${state}`));
}

/** What can be done to it now. */
function verbsOf(context: ViewContext, task: TaskView): HTMLElement {
  const verb = (name: "cancel" | "retry"): HTMLButtonElement => {
    const made = button(say(name), () => context.attempt(() => ask("POST", `/hub/tasks/${task.id}/${name}`, {})));
    made.setAttribute("aria-label", `${made.textContent}: ${nameOf(task)}`);
    return made;
  };
  const isOpen = OPEN.includes(task.state);
  if (!operates(context) || task.state === "COMPLETED") return row();
  return row(isOpen ? (task.cancelRequested ? null : verb("cancel")) : verb("retry"));
}

// ---- The hub's own pages --------------------------------------------------------------------------------------------

/** The address, here, of a path of the hub. */
function addressOf(path: string): string {
  return viewAddress({ view: "hub", parts: partsOf(path) });
}

function partsOf(path: string): readonly string[] {
  const [pathname = "", query] = path.split(/(?=\?)/, 2);
  const parts = pathname.split("/").filter((part) => part !== "");
  return [...parts.map((part) => decodeURIComponent(part)), ...(query === undefined ? [] : [query])];
}

function pathOf(parts: readonly string[]): string {
  const query = parts.at(-1)?.startsWith("?") === true ? parts.at(-1)! : "";
  const names = query === "" ? parts : parts.slice(0, -1);
  return `/${names.map(encodeURIComponent).join("/")}${query}`;
}

function hubLink(path: string, text: string): HTMLElement {
  return element("a", { attributes: { href: addressOf(path) } }, text);
}

export const hubView: View = async (context) => {
  leaveLog();
  const { text } = await askHub("GET", pathOf(context.parts));
  return shownPage(context, text);
};

function shownPage(context: ViewContext, text: string): readonly Node[] {
  const page = hubPage(text, { addressOf, send: (sent, submitter) => sendForm(context, sent, submitter) });
  if (page === null) return [saidInstead(text)];
  const nav = element(
    "nav",
    { className: "row", label: say("hubPages") },
    hubOwn(say("builds")),
    ...page.links.map(({ path, name, isHere }) => {
      const link = hubLink(path, name);
      if (isHere) link.setAttribute("aria-current", "page");
      return link;
    }),
  );
  const content = element("div", { className: "hub" }, ...page.content);
  const log = content.querySelector<HTMLElement>("[data-stream]");
  const task = /^\/tasks\/(\d+)\/log$/.exec(log?.dataset["stream"] ?? "")?.[1];
  if (task !== undefined) log!.replaceWith(logOfTask(Number(task), () => {}));
  return [nav, content];
}

function hubOwn(text: string): HTMLElement {
  return element("a", { attributes: { href: viewAddress({ view: "builds", parts: [] }) } }, text);
}

function sendForm(context: ViewContext, sent: HTMLFormElement, submitter: HTMLElement | null): void {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(sent, submitter)) if (typeof value === "string") fields.append(name, value);
  const path = sent.dataset["path"] ?? "";
  if (sent.method === "get") {
    context.go("hub", ...partsOf(`${path}?${fields}`));
    return;
  }
  context.attempt(async () => {
    const answer = await askHub("POST", path, fields);
    context.go("hub", ...partsOf(answer.path));
  }, "adds");
}
