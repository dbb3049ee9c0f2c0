/** What tells one build from another: what one has kept must not be used by another's code. */
import { hash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The bundler puts `bundledVersions` here; absent where the sources run as they stand. */
declare const STRATOS_TRANSLATOR: string | undefined;
declare const STRATOS_SOURCES: string | undefined;
declare const STRATOS_LISP: string | undefined;

/** Those that decide what translations look like, and what these rely on. */
const TRANSLATOR = "{host-node,riscv,wasm}/src/**/*.ts";
/** Some of these decide what a saved machine is made of, and nobody keeps a list. */
const SOURCES = "*/src/**/*.ts";
/** The compiler of AstraLisp and what is compiled for the image `astra`. */
const LISP = "lisp/{src/**/*.ts,scheme/**/*.{sld,scm}}";

let translator = typeof STRATOS_TRANSLATOR === "string" ? STRATOS_TRANSLATOR : undefined;
let sources = typeof STRATOS_SOURCES === "string" ? STRATOS_SOURCES : undefined;
let lisp = typeof STRATOS_LISP === "string" ? STRATOS_LISP : undefined;

export function translatorVersion(): string {
  return (translator ??= digestOf(ownPackages(), TRANSLATOR));
}

export function sourcesVersion(): string {
  return (sources ??= digestOf(ownPackages(), SOURCES));
}

export function lispVersion(): string {
  return (lisp ??= digestOf(ownPackages(), LISP));
}

/** What the bundler is to put there. @param packages  the folder of packages */
export function bundledVersions(
  packages: string,
): Record<"STRATOS_TRANSLATOR" | "STRATOS_SOURCES" | "STRATOS_LISP", string> {
  const version = (pattern: string): string => JSON.stringify(digestOf(packages, pattern));
  return { STRATOS_TRANSLATOR: version(TRANSLATOR), STRATOS_SOURCES: version(SOURCES), STRATOS_LISP: version(LISP) };
}

function ownPackages(): string {
  return fileURLToPath(new URL("../../", import.meta.url));
}

function digestOf(packages: string, pattern: string): string {
  const parts: string[] = [];
  for (const file of globSync(pattern, { cwd: packages }).sort())
    if (!file.endsWith(".test.ts")) parts.push(file, readFileSync(join(packages, file), "utf8"));
  return hash("sha256", parts.join("\n"), "hex").slice(0, 32);
}
