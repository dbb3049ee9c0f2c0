/**
 * Files of /usr/share/applications, as the Desktop Entry Specification 1.5 has them: what a program is called, in which
 * language, how it is started, and which picture it has.
 */
export interface DesktopEntry {
  /** The file's name without `.desktop`. */
  readonly id: string;
  readonly name: string;
  readonly comment: string;
  /** As Icon has it: a name of a theme, or an absolute path; empty: none. */
  readonly icon: string;
  /** What it is to be started as. */
  readonly argv: readonly string[];
  /** It writes to a terminal. */
  readonly isOfTerminal: boolean;
  readonly categories: readonly string[];
  /** xdg_toplevel's app_id of its windows, where it is another one than the file's name. */
  readonly windowClass: string;
}

/** Bytes of a file, and characters of a value, that are read. */
export const ENTRY_BYTES_MAX = 1 << 18;
const VALUE_MAX = 4096;

/** @param language  such as `de` or `ja`; @returns null: it is none that a launcher shows */
export function parseDesktopEntry(id: string, text: string, language: string): DesktopEntry | null {
  const values = groupOf(text, "Desktop Entry");
  const localized = (key: string): string => values.get(`${key}[${language}]`) ?? values.get(key) ?? "";
  const isSet = (key: string): boolean => values.get(key) === "true";
  if (values.get("Type") !== "Application" || isSet("NoDisplay") || isSet("Hidden")) return null;
  const name = localized("Name");
  const argv = argvOf(values.get("Exec") ?? "", { name, icon: values.get("Icon") ?? "" });
  if (name === "" || argv.length === 0) return null;
  return {
    id,
    name,
    comment: localized("Comment"),
    icon: values.get("Icon") ?? "",
    argv,
    isOfTerminal: isSet("Terminal"),
    categories: (values.get("Categories") ?? "").split(";").filter((each) => each !== ""),
    windowClass: values.get("StartupWMClass") ?? id,
  };
}

/** A file of /usr/share/dbus-1/services (D-Bus Specification, "Message Bus Starting Services"); null: it is none. */
export function parseServiceFile(text: string): { readonly name: string; readonly argv: readonly string[] } | null {
  const values = groupOf(text, "D-BUS Service");
  const name = values.get("Name") ?? "";
  const argv = argvOf(values.get("Exec") ?? "", { name, icon: "" });
  return name === "" || argv.length === 0 ? null : { name, argv };
}

/** Keys and values of one group; of a key that is said twice the first. */
function groupOf(text: string, group: string): Map<string, string> {
  const values = new Map<string, string>();
  let isWithin = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("[")) isWithin = line.trim() === `[${group}]`;
    else if (isWithin && !line.startsWith("#")) {
      const [, key, value] = /^([A-Za-z0-9-]+(?:\[[^\]]*\])?)\s*=\s*(.*)$/.exec(line) ?? [];
      if (key !== undefined && !values.has(key)) values.set(key, unescape(value!.slice(0, VALUE_MAX)));
    }
  }
  return values;
}

/** §4, values of type string. */
function unescape(value: string): string {
  const escapes: Readonly<Record<string, string>> = { s: " ", n: "\n", t: "\t", r: "\r", "\\": "\\" };
  return value.replace(/\\(.)/g, (whole, escape: string) => escapes[escape] ?? whole).trimEnd();
}

/** §7: quoted arguments and field codes; files and URLs there are none. @returns nothing: it is broken */
function argvOf(exec: string, { name, icon }: { readonly name: string; readonly icon: string }): string[] {
  const argv: string[] = [];
  const pattern = /\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)/y;
  for (; pattern.lastIndex < exec.trimEnd().length;) {
    const found = pattern.exec(exec);
    if (found === null) return [];
    const [, quoted, bare] = found;
    if (quoted !== undefined) argv.push(quoted.replace(/\\(["`$\\])/g, "$1"));
    else if (bare === "%i") argv.push(...(icon === "" ? [] : ["--icon", icon]));
    else if (!/^%[fFuUdDnNvmk]$/.test(bare!))
      argv.push(bare!.replace(/%(.)/g, (_, code: string) => (code === "c" ? name : code === "%" ? "%" : "")));
  }
  return argv;
}

/** Where an icon may be, the best first (Icon Theme Specification, without the themes' own lists of folders). */
export function iconPlaces(icon: string): readonly string[] {
  if (icon === "") return [];
  if (icon.startsWith("/")) return /\.(?:png|svg)$/.test(icon) ? [icon] : [];
  if (!/^[\w.+-]+$/.test(icon)) return [];
  const name = icon.replace(/\.(?:png|svg|xpm)$/, "");
  const themes = ["hicolor", "Adwaita", "gnome"].map((theme) => `/usr/share/icons/${theme}`);
  return [
    ...themes.map((theme) => `${theme}/scalable/apps/${name}.svg`),
    ...themes.flatMap((theme) =>
      ["48x48", "64x64", "128x128", "32x32"].map((size) => `${theme}/${size}/apps/${name}.png`),
    ),
    `/usr/share/pixmaps/${name}.svg`,
    `/usr/share/pixmaps/${name}.png`,
  ];
}
