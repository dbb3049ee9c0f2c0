/** Whole numbers that programs write into files of /proc and /sys (lib/kstrtox.c). */

/** Digits in base 8 behind `0`, 16 behind `0x`, else 10. NaN: there is another character, or none. */
export function kernelNumber(digits: string): number {
  if (/^0[xX][0-9a-fA-F]+$/.test(digits)) return Number(digits);
  if (/^0[0-7]*$/.test(digits)) return Number.parseInt(digits, 8);
  return /^[1-9][0-9]*$/.test(digits) ? Number(digits) : NaN;
}

/** A text that holds one number and nothing but white space around it. NaN: it doesn't. */
export function onlyNumber(text: string): number {
  const found = /^([+-]?)(\S+)$/.exec(text.trim());
  if (found === null) return NaN;
  const value = kernelNumber(found[2]!);
  return found[1] === "-" ? -value : value;
}
