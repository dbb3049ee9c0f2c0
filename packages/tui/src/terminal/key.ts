/** Keys by name, as views bind them: `a`, `A`, `enter`, `up`, `ctrl-c`, `shift-tab`. */
export interface Key {
  readonly name: string;
  /** What it writes; empty for keys that write nothing. */
  readonly text: string;
}

/** As Node's readline tells of one. */
interface Keypress {
  readonly name?: string | undefined;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly shift?: boolean;
  readonly sequence?: string;
}

const NAMES: Readonly<Record<string, string>> = { return: "enter", enter: "enter", escape: "escape" };
/** They write nothing. */
const SILENT = new Set([
  ...["up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete", "clear", "undefined"],
  ...Array.from({ length: 12 }, (_, at) => `f${at + 1}`),
]);
const WRITES = /^[^\p{Cc}]+$/u;

/**
 * @returns the keys that were pressed: none for the marks around pasted text; two for what may be a key with Alt, which
 *   nothing here is bound to, and is Escape and a key soon after it
 */
export function keysOf(text: string | undefined, { name, ctrl, meta, shift, sequence = "" }: Keypress): Key[] {
  if (name === "paste-start" || name === "paste-end") return [];
  if (name !== undefined && name in NAMES) return [{ name: NAMES[name]!, text: "" }];
  if (name === "tab" || name === "backspace") return [{ name: shift === true ? `shift-${name}` : name, text: "" }];
  if (ctrl === true && name !== undefined) return [{ name: `ctrl-${name}`, text: "" }];
  if (name !== undefined && SILENT.has(name)) return [{ name, text: "" }];
  if (meta === true) return [{ name: "escape", text: "" }, ...writing(sequence.replace(/^\x1b+/, ""))];
  return writing(text ?? sequence);
}

function writing(text: string): Key[] {
  return WRITES.test(text) ? [{ name: text === " " ? "space" : text, text }] : [];
}
