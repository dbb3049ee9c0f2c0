/** What tells one translator from another: code that one has made must not run beside another's engine. */
import { hash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The bundler puts `sourcesDigest` here; absent where the sources run as they stand. */
declare const STRATOS_TRANSLATOR: string | undefined;

/** Packages whose sources decide what translations look like, and what they rely on. */
const PACKAGES = ["riscv", "wasm", "host-node"];

let found: string | undefined;

export function translatorVersion(): string {
  found ??=
    typeof STRATOS_TRANSLATOR === "string"
      ? STRATOS_TRANSLATOR
      : sourcesDigest(fileURLToPath(new URL("../../", import.meta.url)));
  return found;
}

/** @param packages  the folder of packages */
export function sourcesDigest(packages: string): string {
  const parts: string[] = [];
  for (const name of PACKAGES)
    for (const file of globSync("**/*.ts", { cwd: join(packages, name, "src") }).sort())
      if (!file.endsWith(".test.ts")) parts.push(file, readFileSync(join(packages, name, "src", file), "utf8"));
  return hash("sha256", parts.join("\n"), "hex").slice(0, 32);
}
