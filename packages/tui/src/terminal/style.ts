/** How text looks, by what it means. Without colours (NO_COLOR, https://no-color.org) the same is told otherwise. */
export type Style =
  | "normal"
  | "dim"
  | "strong"
  | "title"
  | "tab"
  | "tabChosen"
  | "head"
  | "chosen"
  | "key"
  | "good"
  | "warning"
  | "bad"
  | "chart"
  | "input"
  | "dialog";

/** Parameters of SGR (ECMA-48 §8.3.117) of each; the terminal's own 16 colours, which its user has chosen. */
const COLOURED: Readonly<Record<Style, string>> = {
  normal: "",
  dim: "90",
  strong: "1",
  title: "1;30;46",
  tab: "36",
  tabChosen: "1;7",
  head: "1;36",
  chosen: "7",
  key: "1;33",
  good: "32",
  warning: "33",
  bad: "1;31",
  chart: "36",
  input: "4",
  dialog: "1",
};
const PLAIN: Readonly<Record<Style, string>> = {
  normal: "",
  dim: "",
  strong: "1",
  title: "1;7",
  tab: "",
  tabChosen: "1;7",
  head: "1;4",
  chosen: "7",
  key: "1",
  good: "",
  warning: "1",
  bad: "1",
  chart: "",
  input: "4",
  dialog: "1",
};

/** @returns the sequence that makes what follows look so, whatever was before */
export function styleSequence(style: Style, hasColours: boolean): string {
  const parameters = (hasColours ? COLOURED : PLAIN)[style];
  return parameters === "" ? "\x1b[0m" : `\x1b[0;${parameters}m`;
}
