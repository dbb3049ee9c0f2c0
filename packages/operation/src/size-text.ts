/** `1.5G` from bytes, in powers of 1024. */
export function formatSize(bytes: number): string {
  let unit = 0;
  let amount = bytes;
  while (amount >= 1024 && unit < 6) {
    amount /= 1024;
    unit++;
  }
  const digits = unit === 0 || amount >= 100 || Number.isInteger(amount) ? 0 : 1;
  return `${amount.toFixed(digits)}${["", "K", "M", "G", "T", "P", "E"][unit]}`;
}
