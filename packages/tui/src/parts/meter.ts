/** How much of something there is, as a bar. */
export function meterText(part: number, whole: number, width: number): string {
  const filled = whole <= 0 ? 0 : Math.min(Math.max(Math.round((part / whole) * width), 0), width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}
