import { EINVAL } from "@stratos/abi";

/** An integer as kstrtoint() of Linux takes it; NaN: it is none. */
export function integerOf(text: string): number {
  const wanted = text.trim();
  const value = /^[+-]?\d{1,10}$/.test(wanted) ? Number(wanted) : NaN;
  return Math.abs(value) < 2 ** 31 ? value : NaN;
}

export function amount(value: number): string {
  return value === Infinity ? "max\n" : `${value}\n`;
}

/** @param below  what a number below 0 is answered with */
export function setCount(text: string, set: (most: number) => void, below: number): number {
  const most = text.trim() === "max" ? Infinity : integerOf(text);
  if (Number.isNaN(most)) return -EINVAL;
  if (most < 0) return below;
  set(most);
  return 0;
}
