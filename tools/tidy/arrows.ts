/** Folders of a package import downwards only, types included (STYLE.md §1); `floors.ts` says what stands where. */
import { posix } from "node:path";
import { FLOORS } from "./floors.ts";
import { importsOf } from "./layers.ts";
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";

const LIST = "tools/tidy/floors.ts";

export function checkArrows(
  tree: SourceTree,
  floorsOf: Readonly<Record<string, readonly string[]>> = FLOORS,
): Finding[] {
  const findings: Finding[] = [];
  const homeless = new Set<string>();
  for (const { path, text } of tree.files) {
    const [, name, inside] = /^packages\/([^/]+)\/src\/(.*)\.ts$/.exec(path) ?? [];
    if (name === undefined || /\.(test|fuzz|bench|d)$|(^|\/)testing\//.test(inside!)) continue;
    const floors = floorsOf[name];
    const home = floors === undefined ? undefined : placeOf(path, floors);
    if (home === undefined) {
      if (floors !== undefined || inside!.includes("/")) homeless.add(`${name}: ${inside!.split("/")[0]!}`);
      continue;
    }
    for (const { specifier, offset } of importsOf(text)) {
      const target = specifier.startsWith(".")
        ? placeOf(posix.join(posix.dirname(path), specifier), floors!)
        : undefined;
      if (target === undefined || target.place === home.place || target.floor < home.floor) continue;
      const arrow = `${name}: ${home.place} > ${target.place}`;
      const message = `an arrow up, ${arrow}: "${specifier}"; take a narrow interface, or move what stands wrong`;
      findings.push({ path, line: lineAt(text, offset), message });
    }
  }
  for (const place of homeless)
    findings.push({ path: LIST, line: 0, message: `${place} stands on no floor: give it one` });
  return findings;
}

/** @returns the folder, or the file beside the folders, that a path stands in, and its floor from the bottom */
function placeOf(path: string, floors: readonly string[]): { place: string; floor: number } | undefined {
  const inside = path.split("/").slice(3);
  const names = inside.length === 1 ? [inside[0]!, "."] : [inside[0]!];
  for (const place of names) {
    const floor = floors.findIndex((row) => row.split(" ").includes(place));
    if (floor !== -1) return { place, floor };
  }
  return undefined;
}
