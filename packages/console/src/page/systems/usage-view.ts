/** What a system uses, over the time for which it was looked at. */
import { type Point, rates } from "@stratos/panels/rates";
import type { SystemUsage } from "@stratos/panels/systems";
import { element } from "../elements.ts";
import { moment, size } from "../language.ts";
import { chart } from "./chart.ts";
import { ask } from "./rest.ts";
import type { View } from "./view.ts";
import { say } from "./words.ts";

interface Sample extends SystemUsage {
  readonly atMs: number;
}

/** Of each system; the oldest go. */
const SAMPLES_MAX = 900;
/** By the system's name. */
const samples = new Map<string, Sample[]>();

export const usageView: View = async ({ parts }) => {
  const [system = ""] = parts;
  const kept = samples.get(system) ?? [];
  samples.set(system, kept);
  let now: Sample;
  try {
    const usage = await ask<SystemUsage>("GET", `/systems/${encodeURIComponent(system)}/usage`);
    now = { ...usage, atMs: Date.now() };
  } catch (error) {
    samples.delete(system);
    throw error;
  }
  // It was started again, or brought back.
  if (now.cpuMs < (kept.at(-1)?.cpuMs ?? 0)) kept.length = 0;
  kept.push(now);
  if (kept.length > SAMPLES_MAX) kept.shift();
  const points = (figure: (sample: Sample) => number): Point[] =>
    kept.map((sample) => ({ atMs: sample.atMs, value: figure(sample) }));
  const processor = rates(points(({ cpuMs }) => cpuMs / 10));
  const instructions = rates(points((sample) => sample.instructions));
  const part = (name: string, which: "memory" | "disk"): HTMLElement => {
    const { limitBytes } = now[which];
    const text = (value: number): string => `${size(value)} / ${size(limitBytes)}`;
    return chart(
      name,
      points((sample) => sample[which].usedBytes),
      { most: limitBytes, text },
    );
  };
  return [
    element("h2", {}, `${say("usage")}: ${system}`),
    element("p", {}, say("processes", now.processes)),
    chart(say("processor"), processor, { most: 100, text: (value) => `${value.toFixed(0)} %` }),
    part(say("memory"), "memory"),
    part(say("disk"), "disk"),
    chart(say("instructions"), instructions, {
      most: Math.max(...instructions.map(({ value }) => value)),
      text: (value) => `${(value / 1e6).toFixed(1)} × 10⁶`,
    }),
    element("small", {}, say("since", moment(kept[0]!.atMs))),
  ];
};
