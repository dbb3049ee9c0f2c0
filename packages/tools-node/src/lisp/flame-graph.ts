/** What a profile is written as: collapsed stacks, a graph in SVG, a file for speedscope, a table. */
import type { Stack } from "./profile.ts";

/** One line a stack: its frames between semicolons, and its milliseconds (Gregg's folded format). */
export function foldedStacks(stacks: readonly Stack[]): string {
  return stacks
    .map(({ frames, ms }) => `${frames.map((name) => name.replace(/[;\s]/gu, "_")).join(";")} ${Math.round(ms)}\n`)
    .filter((line) => !line.endsWith(" 0\n"))
    .join("");
}

/** Source: speedscope's file-format-spec, https://www.speedscope.app/file-format-schema.json. */
export function speedscopeFile(stacks: readonly Stack[], name: string): string {
  const frames = new Map<string, number>();
  const samples = stacks.map((stack) =>
    stack.frames.map((frame) => {
      if (!frames.has(frame)) frames.set(frame, frames.size);
      return frames.get(frame)!;
    }),
  );
  const weights = stacks.map(({ ms }) => ms);
  return `${JSON.stringify({
    $schema: "https://www.speedscope.app/file-format-schema.json",
    name,
    exporter: "stratos lisp profile",
    shared: { frames: [...frames.keys()].map((frame) => ({ name: frame })) },
    profiles: [
      { type: "sampled", name, unit: "milliseconds", startValue: 0, endValue: total(stacks), samples, weights },
    ],
  })}\n`;
}

/** The procedures that took most: in themselves, and with all that they called. */
export function profileTable(stacks: readonly Stack[], rows: number): string {
  const all = total(stacks);
  const times = new Map<string, { self: number; whole: number }>();
  for (const { frames, ms } of stacks) {
    for (const name of new Set(frames)) {
      const time = times.get(name) ?? { self: 0, whole: 0 };
      time.whole += ms;
      if (name === frames.at(-1)) time.self += ms;
      times.set(name, time);
    }
  }
  const percent = (ms: number): string => `${((100 * ms) / all).toFixed(1)} %`.padStart(8);
  const lines = [...times]
    .sort(([a, x], [b, y]) => y.self - x.self || y.whole - x.whole || (a < b ? -1 : 1))
    .slice(0, rows)
    .map(([name, { self, whole }]) => `${percent(self)} ${percent(whole)}  ${name}\n`);
  return `    self    whole  procedure (${Math.round(all)} ms)\n${lines.join("")}`;
}

interface Node {
  readonly name: string;
  ms: number;
  readonly children: Map<string, Node>;
}

const WIDTH = 1200,
  ROW = 17,
  LETTER = 6.6;

/** Callers below, what they call above them, each as wide as its share of the time; names in full on pointing at. */
export function flameGraph(stacks: readonly Stack[], title: string): string {
  const root: Node = { name: "all", ms: total(stacks), children: new Map() };
  let depth = 1;
  for (const { frames, ms } of stacks) {
    let node = root;
    for (const name of frames) {
      let child = node.children.get(name);
      if (child === undefined) node.children.set(name, (child = { name, ms: 0, children: new Map() }));
      child.ms += ms;
      node = child;
    }
    depth = Math.max(depth, frames.length + 1);
  }
  const height = (depth + 3) * ROW;
  const boxes: string[] = [];
  const draw = (node: Node, x: number, level: number): void => {
    const width = (node.ms / (root.ms || 1)) * WIDTH;
    if (width < 0.3) return;
    const y = height - (level + 2) * ROW;
    const share = `${((100 * node.ms) / (root.ms || 1)).toFixed(1)} %, ${Math.round(node.ms)} ms`;
    const letters = Math.floor((width - 6) / LETTER);
    const shown = node.name.length <= letters ? node.name : letters >= 3 ? `${node.name.slice(0, letters - 1)}…` : "";
    boxes.push(
      `<g><title>${escaped(`${node.name}: ${share}`)}</title><rect x="${x.toFixed(1)}" y="${y}" ` +
        `width="${width.toFixed(1)}" height="${ROW - 1}" rx="2" fill="${colour(node.name)}"/>` +
        (shown === "" ? "" : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(shown)}</text>`) +
        "</g>",
    );
    let at = x;
    const children = [...node.children.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const child of children) {
      draw(child, at, level + 1);
      at += (child.ms / (root.ms || 1)) * WIDTH;
    }
  };
  draw(root, 0, 0);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
    `font-family="monospace" font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n` +
    `<text x="${WIDTH / 2}" y="${ROW}" text-anchor="middle" font-size="14">${escaped(title)}</text>\n` +
    `${boxes.join("\n")}\n</svg>\n`
  );
}

function total(stacks: readonly Stack[]): number {
  return stacks.reduce((sum, { ms }) => sum + ms, 0);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/gu, (c) => `&#${c.charCodeAt(0)};`);
}

/** Warm, the same for the same name; what is the host's is grey. */
function colour(name: string): string {
  if (name.startsWith("[") || name === "all") return "#cfd3d8";
  let hash = 7;
  for (const c of name) hash = (hash * 31 + c.charCodeAt(0)) % 997;
  return `hsl(${10 + (hash % 45)} 85% ${62 + (hash % 14)}%)`;
}
