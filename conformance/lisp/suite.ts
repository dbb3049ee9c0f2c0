/** What the conformance commands of astra share: sources of suites, and what is known not to pass. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { findMirror } from "@stratos/tools-node/packages";
import type { Row } from "../results.ts";

/** A source package of the Debian mirror: below it, with its hash. */
export interface SuiteSource {
  readonly path: string;
  readonly sha256: string;
}

/** Puts a source into FOLDER/source, once. */
export function fetchSource({ path, sha256 }: SuiteSource, folder: string): string {
  const source = join(folder, "source");
  if (existsSync(source)) return source;
  const archive = join(folder, basename(path));
  const address = `${findMirror().uri}/${path}`;
  mkdirSync(folder, { recursive: true });
  execFileSync("curl", ["-fsSL", "--retry", "3", "-o", archive, address], { stdio: ["ignore", "ignore", "inherit"] });
  const digest = createHash("sha256").update(readFileSync(archive)).digest("hex");
  if (digest !== sha256) throw new Error(`${address}: SHA-256 is ${digest}, not ${sha256}`);
  mkdirSync(source);
  execFileSync("tar", ["-xf", archive, "--strip-components=1", "--no-same-owner", "-C", source]);
  return source;
}

/** Lines `SUITE NAME REASON` of a list: names and reasons. */
export function expectedFailures(list: string, suite: string): Map<string, string> {
  const lines = readFileSync(list, "utf8").split("\n");
  return new Map(
    lines
      .map((line) => line.split(" "))
      .filter(([first]) => first === suite)
      .map(([, name, ...reason]) => [name!, reason.join(" ")]),
  );
}

export function rowOf(name: string, ran: number, bad: number, seconds: number, worse: readonly string[]): Row {
  return { name, stratos: { ran, failed: bad, seconds: Math.round(seconds) }, qemu: null, worse };
}
