/** `/profiles`: where the time and the memory of the hub that answers go. A flame is a picture of links: no script. */
import { Hono } from "hono";
import { html } from "hono/html";
import type { ProfileView } from "@stratos/hub-api";
import { findProfile, removeProfile, takeProfile } from "../api/profile-routes.ts";
import type { HubService } from "../hub-service.ts";
import { parseCpuProfile, type CpuProfile } from "../profiling/cpu-profile.ts";
import { flameAt, flameBoxes, flameOf, type Flame, type FlameBox } from "../profiling/flame.ts";
import { hottest, profileTimes, type HotOrder } from "../profiling/hot-functions.ts";
import { PROFILE_ID } from "../profiling/profile-folder.ts";
import { PROFILE_SECONDS_MAX } from "../profiling/profiler.ts";
import { HubError, notFound } from "../store/hub-error.ts";
import type { PageVisit } from "./page-visit.ts";
import { readForm } from "./read-form.ts";
import { page, table, timeOf, type Html, type Reader } from "./pages.ts";

const HERE = "/profiles";
const TOP = 40;
/** Of the picture: units of its width, height of a row, and which boxes are too small to be seen. */
const PICTURE = { width: 1200, row: 18, letter: 6.2 } as const;
const BOUNDS = { depthMax: 48, widthMin: 0.004 } as const;
/** Places among children, from the outermost in. */
const PATH = /^\d{1,5}(?:\.\d{1,5}){0,255}$/;

export function profilePages(hub: HubService, { permitted, require }: PageVisit): Hono {
  const app = new Hono();
  const idOf = (text: string): string => {
    if (!PROFILE_ID.test(text)) throw notFound(`profile ${text}`);
    return text;
  };
  app.get(HERE, async (context) => {
    const who = await permitted(context, "profile:read");
    const { profiler } = hub;
    return context.html(profilesPage(profiler?.kept.list() ?? null, { seconds: profiler?.defaultSeconds ?? 0, who }));
  });
  app.post(HERE, async (context) => {
    const { principal } = await permitted(context, "profile:read");
    await require(context, principal, "profile:take");
    const looked = Number((await readForm(context)).get("seconds"));
    if (!(looked >= 1 && looked <= PROFILE_SECONDS_MAX))
      throw new HubError(422, "bad-body", `Seconds: expected 1 to ${PROFILE_SECONDS_MAX}.`);
    const { id } = await takeProfile(hub, looked, principal.name);
    return context.redirect(`${HERE}/${id}`, 303);
  });
  app.get(`${HERE}/:profile`, async (context) => {
    const who = await permitted(context, "profile:read");
    const view = findProfile(hub, idOf(context.req.param("profile")));
    const { by = "", at = "" } = context.req.query();
    const bytes = hub.profiler?.kept.read(view.id) ?? null;
    if (bytes === null || (at !== "" && !PATH.test(at))) throw notFound(`profile ${view.id}`);
    const path = at === "" ? [] : at.split(".").map(Number);
    const profile = parseCpuProfile(new TextDecoder().decode(bytes));
    return context.html(profilePage(view, profile, { by: by === "total" ? "total" : "self", path, who }));
  });
  app.post(`${HERE}/:profile/remove`, async (context) => {
    const { principal } = await permitted(context, "profile:read");
    await require(context, principal, "profile:remove");
    await removeProfile(hub, idOf(context.req.param("profile")), principal.name);
    return context.redirect(HERE, 303);
  });
  return app;
}

const mebibytes = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`;
const milliseconds = (ms: number): string => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0));
const percent = (part: number, whole: number): string => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "");

function profilesPage(
  profiles: readonly ProfileView[] | null,
  { seconds, who }: { readonly seconds: number; readonly who: Reader },
): Html {
  const remove = (id: string): Html =>
    html`<form method="post" action="${HERE}/${id}/remove"><button aria-label="Remove ${id}">Remove</button></form>`;
  const take = html`<form method="post" action="${HERE}"><label>Seconds
<input type="number" name="seconds" min="1" max="${PROFILE_SECONDS_MAX}" value="${Math.max(1, Math.round(seconds))}"
required></label> <button>Take a profile now</button></form>`;
  const content =
    profiles === null
      ? html`<p>This hub has no folder for profiles.</p>`
      : html`${who.may("profile:take") ? take : ""}${table(
          "Profiles of the hub that answers, newest first",
          ["Profile", "Taken", "By", "Seconds", "Processor", "Busy", "Memory", ""],
          profiles.map((one) => [
            html`<a href="${HERE}/${one.id}">${one.id}</a>`,
            timeOf(one.at),
            one.by ?? "the clock",
            one.seconds,
            `${one.cpuSeconds.toFixed(2)} s`,
            percent(one.loopBusy, 1),
            mebibytes(one.heap.rss),
            who.may("profile:remove") ? remove(one.id) : "",
          ]),
        )}<p><code>stratos hub profile get</code> writes one for Chrome, VS Code and speedscope.</p>`;
  return page({ title: "Profiles", who, here: HERE }, content);
}

interface Look {
  readonly by: HotOrder;
  readonly path: readonly number[];
  readonly who: Reader;
}

function profilePage(view: ProfileView, profile: CpuProfile, { by, path, who }: Look): Html {
  const times = profileTimes(profile);
  const way = flameAt(flameOf(profile), path);
  if (way === null) throw notFound(`profile ${view.id}`);
  const here = `${HERE}/${view.id}`;
  const order = (name: HotOrder, words: string): Html =>
    name === by ? html`<strong>${words}</strong>` : html`<a href="${here}?by=${name}">${words}</a>`;
  const { heap } = view;
  return page(
    { title: `Profile ${view.id}`, who, here: HERE },
    html`<dl><dt>Of</dt><dd>${view.software}, ${view.process}</dd><dt>Taken</dt>
<dd>${timeOf(view.at)}, by ${view.by ?? "the clock"}, for ${view.seconds} s</dd>
<dt>Processor</dt><dd>${view.cpuSeconds.toFixed(2)} s; its thread was busy for ${percent(view.loopBusy, 1)}</dd>
<dt>Memory</dt><dd>${mebibytes(heap.rss)}; on the heap ${mebibytes(heap.used)} of ${mebibytes(heap.limit)} at most,
beside it ${mebibytes(heap.external)}</dd></dl>
<h2>Who called what</h2>
<p>Each is as wide as its time, with what it called below it. A link makes it the whole picture.</p>
${wayOf(way, path, here)}${picture(way.at(-1)!, path, here)}
<h2>Hottest functions</h2><p>${order("self", "In themselves")} ${order("total", "With what they called")}</p>
${table(
  "Hottest functions",
  ["Self", "Share", "Total", "Share", "Function", "Where"],
  hottest(times, by, TOP).map((one) => [
    `${milliseconds(one.selfMs)} ms`,
    percent(one.selfMs, times.busyMs),
    `${milliseconds(one.totalMs)} ms`,
    percent(one.totalMs, times.busyMs),
    one.function,
    one.where,
  ]),
)}
<h2>What was made and stayed</h2>${table(
      "Allocated",
      ["Bytes", "Function", "Where"],
      heap.allocated.slice(0, TOP).map((one) => [mebibytes(one.bytes), one.function, one.where]),
    )}`,
  );
}

const addressOf = (here: string, path: readonly number[]): string =>
  path.length === 0 ? here : `${here}?at=${path.join(".")}`;

/** Back out of what was looked at closely. */
function wayOf(way: readonly Flame[], path: readonly number[], here: string): Html | string {
  if (path.length === 0) return "";
  return html`<p>${way.map((flame, depth) =>
    depth === path.length
      ? html`<strong>${flame.function}</strong>`
      : html`<a href="${addressOf(here, path.slice(0, depth))}">${flame.function}</a> › `,
  )}</p>`;
}

function picture(from: Flame, base: readonly number[], here: string): Html {
  const boxes = flameBoxes(from, BOUNDS);
  if (boxes.length === 0) return html`<p>It did nothing.</p>`;
  const rows = Math.max(...boxes.map(({ path }) => path.length)) + 1;
  const height = rows * PICTURE.row;
  return html`<div class="wide"><svg class="flame" role="group" aria-label="Who called what"
viewBox="0 0 ${PICTURE.width} ${height}" width="${PICTURE.width}" height="${height}">${boxes.map((box) =>
    boxOf(box, from, base, here),
  )}</svg></div>`;
}

function boxOf({ flame, path, left, width }: FlameBox, from: Flame, base: readonly number[], here: string): Html {
  const [x, y, wide] = [left * PICTURE.width, path.length * PICTURE.row, width * PICTURE.width];
  const letters = Math.floor((wide - 6) / PICTURE.letter);
  const name = flame.function;
  const shown = letters < 3 ? "" : name.length <= letters ? name : `${name.slice(0, letters - 1)}…`;
  const words =
    `${name}${flame.where === "" ? "" : ` (${flame.where})`}: ${milliseconds(flame.totalMs)} ms, ` +
    `${percent(flame.totalMs, from.totalMs)}, itself ${milliseconds(flame.selfMs)} ms`;
  return html`<a class="${kindOf(flame.where)}" href="${addressOf(here, [...base, ...path])}" aria-label="${words}">
<title>${words}</title><rect x="${x.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="${PICTURE.row}"/></a>${
    // Beside the link, whose name it is a part of only.
    shown === "" ? "" : html`<text x="${(x + 3).toFixed(1)}" y="${y + 13}" aria-hidden="true">${shown}</text>`
  }`;
}

function kindOf(where: string): string {
  if (where.startsWith("packages/")) return "own";
  if (where.startsWith("node_modules/")) return "library";
  return where.startsWith("node:") ? "node" : "engine";
}
