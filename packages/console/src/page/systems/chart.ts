/** A figure over time as a small picture: the newest at the right. */
import type { Point } from "@stratos/panels/rates";
import { element } from "../elements.ts";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [600, 80];

interface ChartOptions {
  /** Of the highest value; smaller ones leave room above. */
  readonly most: number;
  readonly text: (value: number) => string;
}

/** Its figure is told in words, too. */
export function chart(label: string, points: readonly Point[], { most, text }: ChartOptions): HTMLElement {
  const last = points.at(-1);
  const words = last === undefined ? "–" : text(last.value);
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `${label}: ${words}`);
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("points", polyline(points, most));
  picture.append(line);
  return element("figure", { className: "chart" }, element("figcaption", {}, `${label}: ${words}`), picture);
}

/** Time goes over the whole width. */
export function polyline(points: readonly Point[], most: number): string {
  const [first, last] = [points[0]?.atMs ?? 0, points.at(-1)?.atMs ?? 0];
  const across = Math.max(last - first, 1);
  return points
    .map(({ atMs, value }) => {
      const part = most <= 0 ? 0 : Math.min(Math.max(value / most, 0), 1);
      return `${round(((atMs - first) / across) * WIDTH)},${round(HEIGHT - part * HEIGHT)}`;
    })
    .join(" ");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
