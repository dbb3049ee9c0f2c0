/**
 * Scripts that run beside the program, in threads and processes of their own, and what is installed for them. In a
 * clone each is a source, in the published package a file beside the library. A bundle that a user makes of the library
 * has none of them beside it: then they are those of the package as it is installed.
 */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { StratosError } from "@stratos/sdk/client";

/** Absent where a user's bundle is CommonJS. */
const OWN_URL = import.meta.url as string | undefined;
const isSource = OWN_URL?.endsWith(".ts") === true;

/**
 * @param name  of the package's file
 * @param asker  import.meta.url of who asks: in a clone the source is beside it
 * @returns its path
 * @throws StratosError of kind engine
 */
export function packageScript(name: string, asker: string): string {
  if (isSource) return fileURLToPath(new URL(name.replace(/\.[cm]js$/, ".ts"), asker));
  return join(packageFolder(), name);
}

/** A file of a package that the library depends on; null: not installed. @throws StratosError of kind engine */
export function dependencyFile(name: string): string | null {
  return installed(name, isSource ? dirname(fileURLToPath(OWN_URL)) : packageFolder());
}

function packageFolder(): string {
  // Bundlers write the URL as they like.
  const own = OWN_URL?.startsWith("file:") === true ? dirname(fileURLToPath(OWN_URL)) : null;
  if (own !== null && existsSync(join(own, "engine.cjs"))) return own;
  for (const place of [own, dirname(process.argv[1] ?? "/"), process.cwd()]) {
    const engine = place === null ? null : installed("stratos/engine.cjs", place);
    if (engine !== null) return dirname(engine);
  }
  throw new StratosError(
    "engine",
    "the package stratos is not found: machines run in processes of its files, which a bundle does not carry; " +
      "install it where the bundle runs (npm install stratos)",
    { exitCode: null, signal: null, log: "" },
  );
}

/**
 * As Node looks for it (nodejs.org, Modules: CommonJS modules, Loading from node_modules folders); bundlers take
 * `require.resolve` for theirs, and answer with a place in the bundle.
 */
function installed(name: string, from: string): string | null {
  const path = join(from, "node_modules", name);
  if (existsSync(path)) return realpathSync(path);
  return dirname(from) === from ? null : installed(name, dirname(from));
}
