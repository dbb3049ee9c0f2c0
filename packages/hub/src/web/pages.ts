/** The hub's pages, as HTML. All works without a script; the only one follows logs. Values are escaped by `html`. */
import { html, raw } from "hono/html";
import type {
  EventView,
  HostView,
  PackageView,
  TaskDetails,
  TaskView,
  WaitReason,
  WorkflowView,
} from "@stratos/hub-api";
import type { QueueCounts } from "../store/tasks.ts";
import { isOpen, TASK_STATES } from "../store/task-states.ts";
import { workflowGraph } from "./workflow-graph.ts";

export type Html = ReturnType<typeof html>;

const STYLE = `
:root{color-scheme:light dark;--line:color-mix(in srgb,CanvasText 18%,Canvas);--soft:color-mix(in srgb,CanvasText \
65%,Canvas)}
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:0 1rem \
3rem;background:Canvas;color:CanvasText}
header{display:flex;flex-wrap:wrap;gap:1rem;align-items:baseline;border-bottom:1px solid var(--line);padding:.75rem 0}
nav{display:flex;flex-wrap:wrap;gap:0 1rem;flex:1}
nav a[aria-current]{font-weight:700;text-decoration:none;color:inherit}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .75rem .3rem 0;border-bottom:1px solid \
var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600}.wide{overflow-x:auto}pre{overflow:auto;max-height:30rem;padding:.75rem;
border:1px solid var(--line);border-radius:.3rem;white-space:pre-wrap}
.state{font-weight:600}.COMPLETED{color:light-dark(#116329,#7ee787)}.FAILED{color:light-dark(#a40e26,#ff8a80)}.CANCELED{
color:var(--soft)}.RUNNING,.ASSIGNED{color:light-dark(#0a4fa8,#79c0ff)}
form{display:inline}fieldset{border:0;margin:0;padding:0}button,input,select{font:inherit;padding:.25rem \
.6rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem \
1rem}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem}:focus-visible{outline:3px solid \
light-dark(#0a4fa8,#79c0ff);outline-offset:2px}
.graph rect{fill:Canvas;stroke:currentColor}.graph text{font-size:13px;fill:currentColor}.graph path{fill:none;\
stroke:var(--soft)}.graph .end{stroke-dasharray:4}
.flame{display:block;width:100%;min-width:40rem}.flame text{font-size:11px;fill:CanvasText;pointer-events:none}
.flame rect{stroke:Canvas;fill:light-dark(#e3e3e3,#3d3d3d)}.flame .own rect{fill:light-dark(#ffd9a8,#6b3d08)}
.flame .library rect{fill:light-dark(#cfe3ff,#17406f)}.flame .node rect{fill:light-dark(#d3f0d0,#1e5023)}`;

/** The one script; its hash stands in the Content-Security-Policy. */
export const LOG_SCRIPT = `
const log=document.getElementById("log"),from=new EventSource(log.dataset.stream);
from.addEventListener("log",e=>{const end=log.scrollTop+log.clientHeight>=log.scrollHeight-40;
log.append(JSON.parse(e.data).text);if(end)log.scrollTop=log.scrollHeight});
from.addEventListener("end",()=>{from.close();if(log.dataset.open)location.reload()});`;

/** Who reads a page: nobody is shown a link or a button that would refuse him. */
export interface Reader {
  readonly name: string;
  /** @param task  that it is about */
  may(permission: string, task?: { readonly owner: string; readonly label: string }): boolean;
}

interface Frame {
  readonly title: string;
  readonly who: Reader | null;
  readonly here: string;
}

const LINKS = [
  ["/", "Overview", "task:read"],
  ["/tasks", "Tasks", "task:read"],
  ["/failures", "Failures", "task:read"],
  ["/packages", "Packages", "package:read"],
  ["/hosts", "Hosts", "host:read"],
  ["/templates", "Templates", "template:read"],
  ["/triggers", "Triggers", "trigger:read"],
  ["/plugins", "Plugins", "plugin:read"],
  ["/profiles", "Profiles", "profile:read"],
  ["/audit", "Audit", "event:read"],
  ["/settings", "Settings", "setting:read"],
] as const;

/** The first page that is for a reader; null: none is. */
export function firstPageFor(who: Reader): string | null {
  return LINKS.find(([, , permission]) => who.may(permission))?.[0] ?? null;
}

export function page({ title, who, here }: Frame, content: Html): Html {
  const links = LINKS.filter(([, , permission]) => who?.may(permission) === true).map(
    ([path, name]) => html`<a href="${path}"${raw(path === here ? ' aria-current="page"' : "")}>${name}</a>`,
  );
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title} · Stratos hub</title><style>${raw(STYLE)}</style></head>
<body><a class="skip" href="#main">To the content</a>
<header><strong>Stratos hub</strong>${
    who === null
      ? ""
      : html`<nav aria-label="Pages">${links}</nav>
<form method="post" action="/logout"><span>${who.name}</span> <button>Sign out</button></form>`
  }</header>
<main id="main"><h1>${title}</h1>
${content}
</main></body></html>`;
}

/**
 * @param elsewhere  a provider of identities, by its host, and where tickets of Kerberos are shown; null: there is none
 */
export function loginPage(
  wrong: boolean,
  { provider, negotiatePath }: { readonly provider: string | null; readonly negotiatePath: string | null },
): Html {
  return page(
    { title: "Sign in", who: null, here: "" },
    html`${wrong ? html`<p role="alert">This key is unknown, expired or revoked.</p>` : ""}
<form method="post" action="/login">
<label>Key <input type="password" name="token" required autocomplete="current-password" size="50">
</label> <button>Sign in</button></form>
${provider === null ? "" : html`<p><a href="/login/oidc">Sign in at ${provider}</a></p>`}
${negotiatePath === null ? "" : html`<p><a href="${negotiatePath}">Sign in with a Kerberos ticket</a></p>`}`,
  );
}

/** It goes on by itself. */
export function signedInPage(who: string): Html {
  return page(
    { title: "Signed in", who: null, here: "" },
    html`<meta http-equiv="refresh" content="0;url=/"><p>You are ${who}. <a href="/">Go on</a></p>`,
  );
}

export function failurePage(status: number, detail: string, who: Reader | null): Html {
  return page(
    { title: status === 403 ? "Not permitted" : status === 404 ? "Not found" : "That did not work", who, here: "" },
    html`<p role="alert">${detail}</p>`,
  );
}

/** To who may read it. */
export const taskLink = (id: number, who: Reader): Html | string =>
  who.may("task:read") ? html`<a href="/tasks/${id}">${id}</a>` : String(id);
const stateOf = (state: string): Html => html`<span class="state ${state}">${state}</span>`;
export const timeOf = (text: string | null): Html | string =>
  text === null ? "–" : html`<time datetime="${text}">${text.slice(0, 19).replace("T", " ")}</time>`;

export function table(
  caption: string,
  header: readonly string[],
  rows: readonly (readonly (Html | string | number)[])[],
): Html {
  if (rows.length === 0) return html`<p>${caption}: none.</p>`;
  return html`<div class="wide"><table><caption class="skip">${caption}</caption><thead>
<tr>${header.map((name) => (name === "" ? html`<td></td>` : html`<th scope="col">${name}</th>`))}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}

export function overviewPage(
  queue: QueueCounts,
  hosts: readonly HostView[],
  failed: readonly TaskView[],
  who: Reader,
): Html {
  const online = hosts.filter(({ online: isOnline }) => isOnline);
  const used = online.reduce((sum, host) => sum + host.used, 0);
  return page(
    { title: "Overview", who, here: "/" },
    html`
${
  who.may("host:read")
    ? html`<dl><dt>Hosts</dt><dd>${online.length} of ${hosts.length} online,
${used} of ${online.reduce((sum, { capacity }) => sum + capacity, 0)} units used</dd></dl>`
    : ""
}
<h2>Queue</h2>${table(
      "Queue",
      ["Channel", "State", "Tasks"],
      queue.states.map(({ channel, state, count }) => [
        html`<a href="/tasks?state=${state}&channel=${channel}">${channel}</a>`,
        stateOf(state),
        count,
      ]),
    )}
<h2>Longest wait</h2>${table(
      "Longest wait",
      ["Channel", "Seconds"],
      queue.oldestWaitSeconds.map(({ channel, seconds }) => [channel, Math.round(seconds)]),
    )}
<h2>Failed last</h2>${taskTable(failed)}`,
  );
}

function taskTable(tasks: readonly TaskView[]): Html {
  return table(
    "Tasks",
    ["Task", "State", "Label", "Channel", "Arch", "Owner", "Created"],
    tasks.map((task) => [
      html`<a href="/tasks/${task.id}">${task.id}</a>`,
      stateOf(task.state),
      task.label || task.kind,
      task.channel,
      task.arch,
      task.owner,
      timeOf(task.created),
    ]),
  );
}

export function tasksPage(
  tasks: readonly TaskView[],
  { state, channel, next }: { state: string; channel: string; next: string | null },
  who: Reader,
): Html {
  return page(
    { title: "Tasks", who, here: "/tasks" },
    html`
<form method="get" action="/tasks"><label>State <select name="state">
${["", "open", ...TASK_STATES].map(
  (name) => html`<option value="${name}"${raw(name === state ? " selected" : "")}>
${name || "all"}</option>`,
)}</select></label>
<label>Channel <input name="channel" value="${channel}" size="12"></label> <button>Show</button></form>
${taskTable(tasks)}${
      next === null
        ? ""
        : html`<p>
<a rel="next" href="/tasks?state=${state}&channel=${channel}&cursor=${next}">Older</a></p>`
    }`,
  );
}

export function taskPage(
  task: TaskDetails,
  events: readonly EventView[],
  why: WaitReason,
  mayChange: boolean,
  who: Reader,
): Html {
  const link = (id: number): Html => html`<a href="/tasks/${id}">${id}</a> `;
  const open = isOpen(task.state);
  const button = (verb: string, name: string): Html =>
    html`<form method="post" action="/tasks/${task.id}/${verb}"><button>${name}</button></form> `;
  return page(
    { title: `Task ${task.id}`, who, here: "/tasks" },
    html`
<p>${stateOf(task.state)} ${task.label}</p>
${
  task.message === null
    ? ""
    : html`<p role="status">${task.failureClass === null ? "" : `${task.failureClass}: `}${task.message}</p>`
}${
      task.failure == null
        ? ""
        : html`<p><a href="/failures/${task.failure.id}">${task.failure.cause}</a>:
<code>${task.failure.line}</code></p>`
    }
${
  mayChange
    ? html`<p>${open ? button("cancel", "Cancel") : ""}${
        task.state === "FAILED" || task.state === "CANCELED" ? button("retry", "Try again") : ""
      }</p>`
    : ""
}
<dl><dt>Kind</dt><dd>${task.kind} on ${task.arch}</dd><dt>Channel</dt>
<dd>${task.channel}, priority ${task.priority}</dd><dt>Owner</dt><dd>${task.owner}</dd>
${
  task.workflow === null
    ? ""
    : html`<dt>Workflow</dt><dd><a href="/workflows/${task.workflow}">${task.workflow}</a></dd>`
}
<dt>Created</dt><dd>${timeOf(task.created)}</dd><dt>Finished</dt><dd>${timeOf(task.finished)}</dd>
${
  task.parents.length === 0
    ? ""
    : html`<dt>After</dt><dd>${task.parents.map(({ id }) => link(id))}
</dd>`
}${task.children.length === 0 ? "" : html`<dt>Before</dt><dd>${task.children.map(link)}</dd>`}</dl>
${
  task.state === "FREE" || task.state === "BLOCKED"
    ? html`<h2>Why it waits</h2><p>${why.summary}</p>${
        why.filters.length === 0
          ? ""
          : table(
              "Hosts left",
              ["Hosts that", "Left", "Of"],
              why.filters.map(({ filter, left, of }) => [filter, left, of]),
            )
      }`
    : ""
}
<h2>Attempts</h2>${table(
      "Attempts",
      ["Attempt", "State", "Host", "Assigned", "Ended", "Message"],
      task.runs.map((run) => [
        run.attempt,
        stateOf(run.state),
        run.host,
        timeOf(run.assigned),
        timeOf(run.ended),
        run.message ?? "",
      ]),
    )}
<h2>Artefacts</h2>${table(
      "Artefacts",
      ["Name", "Bytes", "Digest"],
      task.artefacts.map(({ name, size, digest }) => [name, size, digest]),
    )}
<h2 id="log-title">Log</h2><pre id="log" tabindex="0" role="log" aria-labelledby="log-title"
data-stream="/tasks/${task.id}/log"${raw(open ? ' data-open="1"' : "")}></pre>
<script>${raw(LOG_SCRIPT)}</script>
<h2>States in time</h2>${eventTable(events, who)}
<h2>Payload</h2><pre tabindex="0">${JSON.stringify(task.payload, null, 2)}</pre>
${task.result === null ? "" : html`<h2>Result</h2><pre tabindex="0">${JSON.stringify(task.result, null, 2)}</pre>`}`,
  );
}

function eventTable(events: readonly EventView[], who: Reader): Html {
  return table(
    "Events",
    ["Time", "Actor", "What", "Task", "Detail"],
    events.map((event) => [
      timeOf(event.at),
      event.actor,
      event.what,
      event.task === null ? "" : taskLink(event.task, who),
      event.detail === null ? "" : html`<code>${JSON.stringify(event.detail)}</code>`,
    ]),
  );
}

export function workflowPage(workflow: WorkflowView, who: Reader): Html {
  const { tasks, edges } = workflow;
  const parents = Map.groupBy(edges, ({ child }) => child);
  return page(
    { title: `Workflow ${workflow.id}`, who, here: "/tasks" },
    html`<p>${workflow.name}, of ${workflow.owner}, ${timeOf(workflow.created)}: ${tasks.length} tasks,
${tasks.filter(({ state }) => state === "COMPLETED").length} completed</p>${workflowGraph(workflow) ?? ""}
${table(
  "Tasks",
  ["Task", "State", "Label", "After"],
  tasks.map(({ id, state, label, kind }) => [
    html`<a href="/tasks/${id}">${id}</a>`,
    stateOf(state),
    label || kind,
    (parents.get(id) ?? []).map(({ parent }) => parent).join(" "),
  ]),
)}`,
  );
}

export function packagesPage(packages: readonly PackageView[], channel: string, who: Reader): Html {
  return page(
    { title: "Packages", who, here: "/packages" },
    html`
<form method="get" action="/packages"><label>Channel <input name="channel" value="${channel}" size="12"></label>
<button>Show</button></form>
${table(
  "Packages, newest first",
  ["Package", "Version", "Arch", "Source", "Channel", "Task", "By", "Added"],
  packages.map((one) => [
    one.name,
    one.version,
    one.arch,
    who.may("task:read") ? html`<a href="/sources/${one.source}">${one.source}</a>` : one.source,
    one.channel,
    one.task === null ? "" : taskLink(one.task, who),
    one.actor,
    timeOf(one.added),
  ]),
)}`,
  );
}

export function hostsPage(hosts: readonly HostView[], who: Reader): Html {
  return page(
    { title: "Hosts", who, here: "/hosts" },
    table(
      "Hosts",
      ["Host", "State", "Used", "Arches", "Channels", "Capabilities", "Software", "Seen"],
      hosts.map((host) => [
        host.name,
        (host.online ? "online" : "offline") + (host.enabled ? "" : ", disabled"),
        `${host.used} of ${host.capacity}`,
        host.arches.join(" "),
        host.channels.join(" "),
        host.capabilities.join(" "),
        host.software,
        timeOf(host.lastSeen),
      ]),
    ),
  );
}

export function auditPage({
  alerts,
  events,
  head,
  who,
}: {
  readonly alerts: readonly EventView[];
  readonly events: readonly EventView[];
  readonly head: { readonly number: number; readonly hash: string };
  readonly who: Reader;
}): Html {
  return page(
    { title: "Audit", who, here: "/audit" },
    html`<p>Seal ${head.number}: <code>${head.hash}</code></p>
<h2>Alerts</h2>
${alertTable(alerts)}
<h2>What happened</h2>
${eventTable(events, who)}`,
  );
}

function alertTable(alerts: readonly EventView[]): Html {
  return table(
    "Alerts",
    ["When", "Rule", "What"],
    alerts.map(({ at, detail }) => {
      const { rule, text } = detail as { rule: string; text: string };
      return [timeOf(at), rule, text];
    }),
  );
}
