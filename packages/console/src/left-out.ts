/**
 * What pages are joined without, as no page has or reads it: an esbuild plugin. Sources stay whole, so that each of
 * these is where a reader looks for it.
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Plugin } from "esbuild";

/** Words about system calls, which only docs/compatibility.md has (SyscallRow.gaps): a string, or a sum of strings. */
const STRING = String.raw`(?:"(?:[^"\\\n]|\\.)*"|` + "`(?:[^`\\\\$]|\\\\.)*`)";
const GAPS = new RegExp(String.raw`\bgaps:\s*${STRING}(?:\s*\+\s*${STRING})*,?`, "g");

/** Recordings are files of the host, of which pages have none (EngineHost.recordings): so they are refused. */
const REFUSAL = 'new StratosError("option", "record: a page has no files for recordings", { option: "record" })';
const NO_RECORDINGS =
  'import { StratosError } from "./api.ts";' +
  `export class RecordedSandbox { static async open() { throw ${REFUSAL}; } } export class RecordingTarget {}`;

export const leftOut: Plugin = {
  name: "left out",
  setup(build) {
    build.onLoad({ filter: /[\\/]kernel[\\/]src[\\/]syscall[\\/][^\\/]*\.ts$/ }, ({ path }) => {
      return { contents: readFileSync(path, "utf8").replace(GAPS, ""), loader: "ts" };
    });
    build.onLoad({ filter: /[\\/]sdk[\\/]src[\\/](recorded-sandbox|recording-target)\.ts$/ }, ({ path }) => {
      return { contents: NO_RECORDINGS, loader: "js", resolveDir: dirname(path) };
    });
  },
};
