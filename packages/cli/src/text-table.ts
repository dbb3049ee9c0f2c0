import { byteStringToUtf8, printable } from "@stratos/base";

/** Columns as wide as their widest cell, two spaces between; the last is not padded. */
export function formatTable(header: readonly string[], cells: readonly (readonly string[])[]): string {
  // A name may hold a newline, and would begin a row.
  const rows = cells.map((row) => row.map((cell) => printable(cell).replaceAll("\n", "\\n").replaceAll("\t", "\\t")));
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join("  ");
  return [header, ...rows].map((row) => `${line(row)}\n`).join("");
}

/** What is known of one thing, a line each; what is "" is left away. @param rows  names, and byte strings */
export function formatFacts(rows: readonly (readonly [string, string])[]): string {
  const lines = rows
    .filter(([, value]) => value !== "")
    .map(([key, value]) => `${key.padEnd(12)} ${byteStringToUtf8(value)}`);
  return printable(`${lines.join("\n")}\n\n`);
}
