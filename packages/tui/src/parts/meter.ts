/** How much of something there is, as a bar; figures over time, as a picture. */
const EIGHTHS = " ▁▂▃▄▅▆▇█";

export function meterText(part: number, whole: number, width: number): string {
  const filled = whole <= 0 ? 0 : Math.min(Math.max(Math.round((part / whole) * width), 0), width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}

/**
 * The newest at the right edge.
 *
 * @param most  of the highest value; 0: the highest that is there
 * @returns so many rows of that width, the top one first
 */
export function chartRows(values: readonly number[], most: number, { columns, rows }: Size): string[] {
  const shown = values.slice(-columns);
  const top = most > 0 ? most : Math.max(...shown, 0);
  const levels = shown.map((value) => {
    if (top <= 0 || value <= 0) return 0;
    // What is there at all is seen.
    return Math.max(Math.round(Math.min(value / top, 1) * rows * 8), 1);
  });
  return Array.from({ length: rows }, (_, row) => {
    const below = (rows - 1 - row) * 8;
    const line = levels.map((level) => EIGHTHS[Math.min(Math.max(level - below, 0), 8)]!).join("");
    return line.padStart(columns);
  });
}

interface Size {
  readonly columns: number;
  readonly rows: number;
}
