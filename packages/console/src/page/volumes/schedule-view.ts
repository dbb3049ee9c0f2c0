/** The schedule of snapshots, and a picture of what it keeps. */
import { keptHours, NO_SCHEDULE, PERIOD_HOURS, PERIOD_MAX, scheduleActions } from "@stratos/panels/volumes";
import type { SnapshotSchedule } from "@stratos/volumes/listed";
import { element, labelled, row } from "../elements.ts";
import { language } from "../language.ts";
import { ask } from "./rest.ts";
import { actionButtons, mayChange, type View } from "./view.ts";
import { say } from "./words.ts";

const PERIODS = ["hourly", "daily", "weekly", "monthly"] as const;
const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [600, 60];

export const scheduleView: View = async (context) => {
  const { at } = context;
  const schedule = (await ask<SnapshotSchedule | null>("GET", `${at}/schedule`)) ?? NO_SCHEDULE;
  const sliders = PERIODS.map((period) => {
    const input = element("input", {
      id: period,
      attributes: { type: "range", min: "0", max: String(PERIOD_MAX[period]), value: String(schedule[period]) },
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
    row(...actionButtons(context, () => scheduleActions(at, wanted(), language))),
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
