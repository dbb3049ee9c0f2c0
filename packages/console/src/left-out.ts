/**
 * What pages are joined without, as no page has or reads it: an esbuild plugin. Sources stay whole, so that each of
 * these is where a reader looks for it.
 */
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Plugin } from "esbuild";

/** Words about system calls, which only docs/compatibility.md has (SyscallRow.gaps): a string, or a sum of strings. */
const STRING = String.raw`(?:"(?:[^"\\\n]|\\.)*"|` + "`(?:[^`\\\\$]|\\\\.)*`)";
const GAPS = new RegExp(String.raw`\bgaps:\s*${STRING}(?:\s*\+\s*${STRING})*,?`, "g");

/** These pages neither record nor repeat runs (EngineHost.recordings): so that is refused. */
const REFUSAL = 'new StratosError("option", "record: not in this page", { option: "record" })';
const NO_RECORDINGS =
  'import { StratosError } from "./api.ts";' +
  `export class RecordedSandbox { static async open() { throw ${REFUSAL}; } } export class RecordingTarget {}`;

/** Named systems are a supervisor's, and a page has none (SystemsSource). */
const NO_SYSTEMS =
  'import { StratosError } from "./api.ts";' +
  'const refuse = () => { throw new StratosError("option", "name: not in a page", { option: "name" }); };' +
  "export { refuse as openSystem, refuse as startSystem, refuse as connectSystem, refuse as unnamedCheckpoint };" +
  "export { refuse as resumeSystem, refuse as listSystems, refuse as removeSystem, refuse as forkSystem };";

/** A page's machine has the network of its tab, whose rules are the relay's (TabHost.openNetwork). */
const NO_POLICY =
  'import { StratosError } from "./api.ts";' +
  'const refused = () => new StratosError("option", "net: a page\'s network has no rules", { option: "net" });' +
  "export class PolicySockets { constructor() { throw refused(); } }";

/** Nothing of a page asks a program of its machine over HTTP (Sandbox.fetch). */
const NO_EXCHANGE =
  'import { StratosError } from "./api.ts";' +
  'export const exchange = async () => { throw new StratosError("port", "fetch: not in a page", { port: 0 }); };';

const REPLACED: Readonly<Record<string, string>> = {
  "recorded-sandbox": NO_RECORDINGS,
  "recording-target": NO_RECORDINGS,
  "named-sandbox": NO_SYSTEMS,
  "policy-sockets": NO_POLICY,
  "http-exchange": NO_EXCHANGE,
};

export const leftOut: Plugin = {
  name: "left out",
  setup(build) {
    build.onLoad({ filter: /[\\/]kernel[\\/]src[\\/]syscall[\\/][^\\/]*\.ts$/ }, ({ path }) => {
      return { contents: readFileSync(path, "utf8").replace(GAPS, ""), loader: "ts" };
    });
    const names = Object.keys(REPLACED).join("|");
    build.onLoad({ filter: new RegExp(`[\\\\/]sdk[\\\\/]src[\\\\/](${names})\\.ts$`) }, ({ path }) => {
      return { contents: REPLACED[basename(path, ".ts")]!, loader: "js", resolveDir: dirname(path) };
    });
  },
};
