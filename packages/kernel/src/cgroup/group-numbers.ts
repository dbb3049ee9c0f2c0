/** An integer as kstrtoint() of Linux takes it; NaN: it is none. */
export function integerOf(text: string): number {
  const wanted = text.trim();
  const value = /^[+-]?\d{1,10}$/.test(wanted) ? Number(wanted) : NaN;
  return Math.abs(value) < 2 ** 31 ? value : NaN;
}
