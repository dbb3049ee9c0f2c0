/**
 * The curves of `--only aegisfs-scale` as an SVG picture: cost of one operation over the logarithm of the size. A
 * straight line is a logarithm.
 */
import type { ScaleRow } from "./scale.ts";

const WIDTH = 300;
const HEIGHT = 150;
const COLUMNS = 3;
const MARGIN = { left: 52, top: 34, right: 18, bottom: 34 };

export function plotScale(rows: readonly ScaleRow[]): string {
  const names = [...new Set(rows.map(({ what }) => what))];
  const cells = names.map((name, index) => {
    const x = (index % COLUMNS) * (WIDTH + MARGIN.left + MARGIN.right);
    const y = Math.floor(index / COLUMNS) * (HEIGHT + MARGIN.top + MARGIN.bottom);
    return `<g transform="translate(${x + MARGIN.left} ${y + MARGIN.top})">${curve(
      name,
      rows.filter(({ what }) => what === name),
    )}</g>`;
  });
  const width = COLUMNS * (WIDTH + MARGIN.left + MARGIN.right);
  const height = Math.ceil(names.length / COLUMNS) * (HEIGHT + MARGIN.top + MARGIN.bottom);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...cells,
    "</svg>",
    "",
  ].join("\n");
}

function curve(name: string, rows: readonly ScaleRow[]): string {
  const isPercent = rows[0]!.unit === "per cent";
  // Of a volume that fills up, what is left counts: from 90 to 99 per cent it is divided by ten.
  const scaled = (size: number): number => (isPercent ? -Math.log10(1 - size / 100) : Math.log10(size));
  const sizes = rows.map(({ size }) => scaled(size));
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const isMilliseconds = Math.max(...rows.map(({ microseconds }) => microseconds)) >= 10_000;
  const values = rows.map(({ microseconds }) => (isMilliseconds ? microseconds / 1000 : microseconds));
  const top = roundUp(Math.max(...values));
  const points = rows.map(
    (row, index) =>
      [
        most === least ? WIDTH / 2 : ((scaled(row.size) - least) / (most - least)) * WIDTH,
        HEIGHT - (values[index]! / top) * HEIGHT,
      ] as const,
  );
  const marks = points.map(([x, y], index) => {
    const { size } = rows[index]!;
    return (
      `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="#1a5fb4"/><text x="${x.toFixed(1)}" ` +
      `y="${HEIGHT + 16}" ` +
      `text-anchor="middle">${isPercent ? `${size} %` : `10${superscript(Math.round(Math.log10(size)))}`}</text>` +
      `<text x="${x.toFixed(1)}" y="${(y - 8).toFixed(1)}" text-anchor="middle" ` +
      `fill="#555">${Number(values[index]!.toPrecision(2))}</text>`
    );
  });
  return [
    `<text y="-18" font-weight="bold">${name}, ${isMilliseconds ? "ms" : "µs"}</text>`,
    `<path d="M0 0V${HEIGHT}H${WIDTH}" fill="none" stroke="#999"/>`,
    `<text x="-6" y="4" text-anchor="end">${top}</text>`,
    `<text x="-6" y="${HEIGHT + 4}" text-anchor="end">0</text>`,
    `<text x="${WIDTH}" y="${HEIGHT + 30}" text-anchor="end" fill="#555">${rows[0]!.unit}</text>`,
    `<polyline points="${points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ")}" fill="none" ` +
      'stroke="#1a5fb4" stroke-width="2"/>',
    ...marks,
  ].join("");
}

/** 1, 2 or 5 times a power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 0.01)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((round) => round >= value * 1.05)!;
}

function superscript(number: number): string {
  return [...String(number)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
}
