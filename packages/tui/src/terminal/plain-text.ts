/** What stands for the signs that we draw with, on a terminal that takes no UTF-8; each is as wide as its sign. */
const SIGNS: Readonly<Record<string, string>> = {
  "…": "~",
  "─": "-",
  "│": "|",
  "┌": "+",
  "┐": "+",
  "└": "`",
  "┘": "+",
  "├": "+",
  "█": "#",
  "░": ".",
  "▁": "_",
  "▂": "_",
  "▃": "-",
  "▄": "-",
  "▅": "=",
  "▆": "=",
  "▇": "#",
  "↑": "^",
  "↓": "v",
  "←": "<",
  "→": ">",
  "▸": ">",
  "·": "-",
  "×": "x",
  "⁶": "6",
  "“": '"',
  "”": '"',
  "−": "-",
  "–": "-",
  "’": "'",
  "\u00a0": " ",
};

/** The same in ASCII; what has no like of it is `?`. */
export function plainText(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, (each) => SIGNS[each] ?? "?");
}

/** Whether a terminal takes UTF-8, as its environment tells. @see locale(7): LC_ALL, LC_CTYPE, LANG, in this order */
export function takesUtf8(environment: Readonly<Record<string, string | undefined>>): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = environment;
  return /utf-?8/i.test([LC_ALL, LC_CTYPE, LANG].find((each) => each !== undefined && each !== "") ?? "");
}
