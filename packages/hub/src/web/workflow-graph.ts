/**
 * A workflow as a picture: each task right of all that it waits for, by the longest way from a task that waits for
 * none; a line for each wait. The table beside it says the same to who cannot see it.
 */
import { html } from "hono/html";
import type { WorkflowView } from "@stratos/hub-api";

/** More are a picture of nothing. */
const DRAWN_MAX = 400;
const WIDTH = 168;
const HEIGHT = 40;
const GAP_X = 56;
const GAP_Y = 14;
const LABEL_LETTERS = 20;

/** @returns null: too large to be looked at */
export function workflowGraph({ tasks, edges }: WorkflowView): ReturnType<typeof html> | null {
  if (tasks.length === 0 || tasks.length > DRAWN_MAX) return null;
  const depths = depthsOf({ tasks, edges });
  const rows: number[] = [];
  const places = new Map<number, { x: number; y: number }>();
  for (const { id } of tasks) {
    const depth = depths.get(id)!;
    const row = (rows[depth] ??= 0);
    rows[depth] = row + 1;
    places.set(id, { x: depth * (WIDTH + GAP_X) + 2, y: row * (HEIGHT + GAP_Y) + 2 });
  }
  const width = rows.length * (WIDTH + GAP_X) - GAP_X + 4;
  const height = Math.max(...rows) * (HEIGHT + GAP_Y) - GAP_Y + 4;
  return html`<div class="wide"><svg class="graph" role="img" aria-label="What waits for what" width="${width}"
height="${height}" viewBox="0 0 ${width} ${height}">${edges.map(({ parent, child, needs }) => {
    const from = places.get(parent);
    const to = places.get(child);
    if (from === undefined || to === undefined) return "";
    const [x, y, endY, half] = [from.x + WIDTH, from.y + HEIGHT / 2, to.y + HEIGHT / 2, GAP_X / 2];
    const curve = `M${x} ${y}C${x + half} ${y} ${to.x - half} ${endY} ${to.x} ${endY}`;
    return html`<path class="${needs}" d="${curve}"/>`;
  })}${tasks.map(({ id, label, kind, state }) => {
    const { x, y } = places.get(id)!;
    const name = label || kind;
    const shown = name.length > LABEL_LETTERS ? `${name.slice(0, LABEL_LETTERS - 1)}…` : name;
    return html`<a href="/tasks/${id}"><g class="${state}"><title>${id} ${name}: ${state}</title>
<rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="5"/><text x="${x + 8}" y="${y + 17}">${shown}</text>
<text x="${x + 8}" y="${y + 33}">${id} ${state}</text></g></a>`;
  })}</svg></div>`;
}

/** Tasks wait for earlier ones alone, so one pass in their order is enough. */
function depthsOf({ tasks, edges }: Pick<WorkflowView, "tasks" | "edges">): Map<number, number> {
  const depths = new Map(tasks.map(({ id }) => [id, 0]));
  for (const { parent, child } of [...edges].sort((one, other) => one.child - other.child)) {
    const below = depths.get(parent);
    const own = depths.get(child);
    if (below !== undefined && own !== undefined) depths.set(child, Math.max(own, below + 1));
  }
  return depths;
}
