/**
 * What `systemctl enable`, `disable` and `mask` do to a root that does not run: symbolic links that a unit's [Install]
 * section asks for. Source: systemctl(1), systemd.unit(5) "[Install] Section Options".
 */
import { unitName } from "../treefile/unit-name.ts";

export interface UnitFiles {
  /** text of a unit, wherever it is installed, with that place; undefined when there is none */
  find(unit: string): { path: string; text: string } | undefined;
  link(path: string, target: string): void;
  remove(path: string): void;
  links(): Iterable<{ path: string; target: string }>;
}

export class ServiceError extends Error {
  override name = "ServiceError";
}

const SETTINGS = "etc/systemd/system";
const FOLDERS: Readonly<Record<string, string>> = { WantedBy: "wants", RequiredBy: "requires", UpheldBy: "upholds" };

export function enableUnit(files: UnitFiles, name: string, seen: Set<string> = new Set()): void {
  const unit = unitName(name);
  if (seen.has(unit)) return;
  seen.add(unit);
  const { template, instance } = split(unit);
  const found = files.find(unit) ?? files.find(template);
  if (found === undefined) throw new ServiceError(`there is no unit ${unit}`);
  const install = installSection(found.text);
  const expand = (text: string): string =>
    text
      .replaceAll("%i", instance)
      .replaceAll("%j", instance)
      .replaceAll("%p", unit.replace(/[@.].*$/, ""))
      .replaceAll("%n", unit)
      .replaceAll("%N", unit.replace(/\.[^.]*$/, ""))
      .replaceAll("%%", "%");
  const own =
    template === unit && unit.includes("@.")
      ? unit.replace("@.", `@${install.get("DefaultInstance")?.[0] ?? ""}.`)
      : unit;
  for (const [key, suffix] of Object.entries(FOLDERS)) {
    for (const target of install.get(key) ?? [])
      files.link(`${SETTINGS}/${expand(target)}.${suffix}/${own}`, `/${found.path}`);
  }
  for (const alias of install.get("Alias") ?? []) files.link(`${SETTINGS}/${expand(alias)}`, `/${found.path}`);
  for (const also of install.get("Also") ?? [])
    if (files.find(unitName(also)) !== undefined) enableUnit(files, also, seen);
}

export function disableUnit(files: UnitFiles, name: string): void {
  const unit = unitName(name);
  const found = files.find(unit) ?? files.find(split(unit).template);
  for (const { path, target } of [...files.links()]) {
    if (!path.startsWith(`${SETTINGS}/`)) continue;
    const isOwn =
      path.endsWith(`/${unit}`) ||
      (found !== undefined && (target === `/${found.path}` || target === `/${found.path.replace(/^usr\//, "")}`));
    if (isOwn && target !== "/dev/null") files.remove(path);
  }
}

export function maskUnit(files: UnitFiles, name: string): void {
  const path = `${SETTINGS}/${unitName(name)}`;
  files.remove(path);
  files.link(path, "/dev/null");
}

function split(unit: string): { template: string; instance: string } {
  const match = /^([^@]+@)([^.]*)(\..+)$/.exec(unit);
  return match === null ? { template: unit, instance: "" } : { template: match[1]! + match[3]!, instance: match[2]! };
}

function installSection(text: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  let isInside = false;
  for (const line of text.replace(/\\\n/g, " ").split("\n")) {
    const trimmed = line.trim();
    if (trimmed.startsWith("[")) isInside = trimmed === "[Install]";
    const equals = trimmed.indexOf("=");
    if (!isInside || equals < 0 || /^[#;]/.test(trimmed)) continue;
    const key = trimmed.slice(0, equals).trim(),
      words = trimmed
        .slice(equals + 1)
        .trim()
        .split(/\s+/)
        .filter((word) => word !== "");
    // An empty assignment takes back what was said before.
    values.set(key, words.length === 0 ? [] : [...(values.get(key) ?? []), ...words]);
  }
  return values;
}
