/** A byte as a backslash and three octal digits, in names of mounts(5), getfattr(1), mtree(5). `\040` is a space. */
export function withoutOctalEscapes(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8) & 0xff));
}
