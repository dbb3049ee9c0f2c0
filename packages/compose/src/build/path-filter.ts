/**
 * Which files of packages are left out, as dpkg's `--path-exclude` and `--path-include` say. Source: dpkg(1); dpkg
 * src/main/filters.c, `filter_should_skip`: patterns are fnmatch(3)'s without flags, so that `*` crosses folders, and a
 * folder or link below which something is brought back stays.
 */
import { TarType, type TarEntry } from "@stratos/formats";

export interface PathFilters {
  readonly excludes: readonly string[];
  readonly includes: readonly string[];
}

/** Where dpkg reads what it is told beside its command line. */
export const PATH_FILTER_FILE = "etc/dpkg/dpkg.cfg.d/stratos-paths";

/** @returns whether an entry of a package stays away; undefined where all come */
export function pathFilter({
  excludes,
  includes,
}: PathFilters): ((entry: Pick<TarEntry, "path" | "type">) => boolean) | undefined {
  if (excludes.length === 0) return undefined;
  const out = excludes.map(fnmatch),
    back = includes.map(fnmatch);
  const backBelow = includes.map((pattern) => pattern.slice(0, /[*?[\\]|$/.exec(pattern)!.index).replace(/\/+$/, ""));
  return ({ path, type }) => {
    const name = `/${path.replace(/^(\.?\/)+/, "").replace(/\/+$/, "")}`;
    if (!out.some((matches) => matches(name)) || back.some((matches) => matches(name))) return false;
    const mayHold = type === TarType.directory || type === TarType.symbolicLink;
    return !(mayHold && backBelow.some((start) => name.startsWith(start) || start.startsWith(`${name}/`)));
  };
}

/** The same for dpkg in the image: what it upgrades later stays away, too. */
export function pathFilterText({ excludes, includes }: PathFilters): string {
  return (
    `# Of the treefile: what is not unpacked.\n${excludes.map((one) => `path-exclude=${one}\n`).join("")}` +
    `${includes.map((one) => `path-include=${one}\n`).join("")}`
  );
}

function fnmatch(pattern: string): (name: string) => boolean {
  let out = "";
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!,
      close = character === "[" ? pattern.indexOf("]", at + 2) : -1;
    if (character === "*") out += ".*";
    else if (character === "?") out += ".";
    else if (close >= 0) {
      const inside = pattern.slice(at + 1, close);
      out += `[${inside.replace(/^[!^]/, "^").replace(/(?!^)[\\\]^[]/g, "\\$&")}]`;
      at = close;
    } else {
      const plain = character === "\\" && at + 1 < pattern.length ? pattern[++at]! : character;
      out += plain.replace(/[.*+?^${}()|\\[\]/]/g, "\\$&");
    }
  }
  const expression = new RegExp(`^${out}$`, "s");
  return (name) => expression.test(name);
}
