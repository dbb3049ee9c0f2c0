/** The schedule of snapshots, and a picture of what it keeps. */
import type { SnapshotSchedule } from "@stratos/volumes/listed";
import { button } from "../button.ts";
import { element, labelled, row } from "../elements.ts";
import { keptHours, PERIOD_HOURS } from "./retention.ts";
import { ask } from "./rest.ts";
import { mayChange, type View } from "./view.ts";
import { say } from "./words.ts";

const PERIODS = ["hourly", "daily", "weekly", "monthly"] as const;
const MAX = { hourly: 72, daily: 60, weekly: 52, monthly: 60 } as const;
const NONE: SnapshotSchedule = { hourly: 0, daily: 0, weekly: 0, monthly: 0 };
const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [600, 60];

export const scheduleView: View = async (context) => {
  const { at, attempt, notice } = context;
  const schedule = (await ask<SnapshotSchedule | null>("GET", `${at}/schedule`)) ?? NONE;
  const sliders = PERIODS.map((period) => {
    const input = element("input", {
      id: period,
      attributes: { type: "range", min: "0", max: String(MAX[period]), value: String(schedule[period]) },
    });
    const output = element("output", { attributes: { for: period } }, String(schedule[period]));
    return { period, input, output };
  });
  const wanted = (): SnapshotSchedule =>
    Object.fromEntries(
      sliders.map(({ period, input }) => [period, Number(input.value)]),
    ) as unknown as SnapshotSchedule;
  const picture = element("div", { id: "retention" });
  const draw = (): void => picture.replaceChildren(retentionPicture(wanted()));
  for (const { input, output } of sliders)
    input.addEventListener("input", () => {
      output.textContent = input.value;
      draw();
    });
  draw();
  const changes = mayChange(context, "administrator");
  for (const { input } of sliders) input.disabled = !changes;
  return [
    element("h2", {}, say("schedule")),
    element("p", {}, say("scheduleHelp")),
    ...sliders.map(({ period, input, output }) => row(labelled(say(period), input), output)),
    element("h3", {}, say("reach")),
    picture,
    ...(changes
      ? [
          row(
            button(say("save"), () => attempt(() => ask("PUT", `${at}/schedule`, wanted()))),
            button(say("clear"), () => attempt(() => ask("DELETE", `${at}/schedule`))),
            button(say("runNow"), () =>
              attempt(async () => {
                const done = await ask<{ created: string | null; deleted: readonly string[] }>(
                  "POST",
                  `${at}/schedule/run`,
                );
                const deleted = done.deleted.join(", ") || say("none");
                notice(`${say("created")}: ${done.created ?? say("none")}; ${say("deleted")}: ${deleted}`);
              }),
            ),
          ),
        ]
      : []),
  ];
};

/** A line a snapshot, the further back the denser: the axis is logarithmic. */
function retentionPicture(schedule: SnapshotSchedule): SVGElement {
  const hours = keptHours(schedule);
  const reach = Math.max(PERIOD_HOURS.daily, ...hours);
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `${say("reach")}: ${hours.length}`);
  const place = (hour: number): number => (Math.log1p(hour) / Math.log1p(reach)) * (WIDTH - 10) + 5;
  for (const hour of hours) {
    const line = document.createElementNS(SVG, "line");
    for (const [name, value] of Object.entries({ x1: place(hour), x2: place(hour), y1: 5, y2: HEIGHT - 20 }))
      line.setAttribute(name, value.toFixed(1));
    picture.append(line);
  }
  for (const [text, hour] of [
    ["1 h", PERIOD_HOURS.hourly],
    ["1 d", PERIOD_HOURS.daily],
    ["1 w", PERIOD_HOURS.weekly],
    ["30 d", PERIOD_HOURS.monthly],
    ["1 y", 365 * PERIOD_HOURS.daily],
  ] as const) {
    if (hour > reach) continue;
    const mark = document.createElementNS(SVG, "text");
    mark.setAttribute("x", place(hour).toFixed(1));
    mark.setAttribute("y", String(HEIGHT - 5));
    mark.textContent = text;
    picture.append(mark);
  }
  return picture;
}
