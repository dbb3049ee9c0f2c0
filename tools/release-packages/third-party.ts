/**
 * Licences of what is joined into the bundle: esbuild leaves comments away, so that the packages of a release carry
 * them beside it. Which libraries are in it `dist/inputs.json` says.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Names of the npm packages whose files are in the bundle, in order. */
function bundledLibraries(inputs: Readonly<Record<string, unknown>>): string[] {
  const names = new Set<string>();
  for (const path of Object.keys(inputs)) {
    const inside = path.lastIndexOf("node_modules/");
    if (inside < 0) continue;
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(path.slice(inside + "node_modules/".length));
    if (name !== null) names.add(name[0]);
  }
  return [...names].sort();
}

/** One text: each library with its version, what it says its licence is, and that licence's words. */
export function thirdPartyNotices(root: string, inputs: Readonly<Record<string, unknown>>): string {
  const parts = bundledLibraries(inputs).map((name) => {
    const folder = join(root, "node_modules", name);
    if (!existsSync(folder)) return `${name}\n`;
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      version: string;
      license?: string;
    };
    const texts = readdirSync(folder)
      .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
      .sort()
      .map((file) => readFileSync(join(folder, file), "utf8").trim());
    return [`${name} ${version}: ${license ?? "see below"}`, ...texts].join("\n\n") + "\n";
  });
  const rule = `\n${"-".repeat(72)}\n\n`;
  return `Libraries that are part of Stratos' programs, and their licences.\n\n${parts.join(rule)}`;
}
