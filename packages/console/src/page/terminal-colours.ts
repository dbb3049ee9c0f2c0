/** A terminal's colours, dark or light as the rest of the browser. */
import type { ITheme, Terminal } from "@xterm/xterm";

const DARK: ITheme = { background: "#101418", foreground: "#d8dee6", cursor: "#d8dee6" };
const LIGHT: ITheme = {
  background: "#f7f8fa",
  foreground: "#1a2027",
  cursor: "#1a2027",
  selectionBackground: "#b9d2f0",
  yellow: "#7a5c00",
  brightYellow: "#7a5c00",
  green: "#1d6b2f",
  brightGreen: "#1d6b2f",
  cyan: "#0b6a75",
  brightCyan: "#0b6a75",
  white: "#5a6470",
  brightWhite: "#1a2027",
};

/** Where a page may choose its colours itself: `color-scheme` of its root. @returns what ends that */
export function followColours(terminal: Terminal): () => void {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const use = (): void => {
    const { colorScheme } = root.style;
    const isDark = colorScheme === "dark" || (colorScheme !== "light" && dark.matches);
    terminal.options.theme = isDark ? DARK : LIGHT;
  };
  use();
  dark.addEventListener("change", use);
  const observer = new MutationObserver(use);
  observer.observe(root, { attributes: true, attributeFilter: ["style"] });
  return () => {
    dark.removeEventListener("change", use);
    observer.disconnect();
  };
}
