/**
 * `npm run release:packages -- --version V --output FOLDER`: the packages of a release, from `dist/`:
 *
 *     stratos_V_amd64.deb, stratos_V_arm64.deb              Debian and its kin
 *     stratos-V-1.x86_64.rpm, stratos-V-1.aarch64.rpm       Fedora, openSUSE and their kin
 *     stratos-V.tgz, stratos.rb                             npm's package, and the Homebrew formula that fetches it
 *     stratos-V-x64.msi                                     Windows
 *
 *     [--only deb,rpm,brew,msi] [--arch amd64,arm64] [--maintainer "NAME <MAIL>"] [--homepage URL]
 *     [--tarball-url URL [--tarball-sha256 HASH]] [--dist FOLDER] [--fast]
 *
 * The same `dist/` gives the same packages: times are those of SOURCE_DATE_EPOCH, else of the last commit. With
 * `--fast` they are hardly packed, for tests. Printed is `SHA256  FILE` of each. Nothing is built while something is
 * missing that one of them needs. What is in which, and why: docs/decisions/0053-packages-of-a-release.md.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeDeb, type Compression } from "./release-packages/deb.ts";
import { writeFormula } from "./release-packages/formula.ts";
import { writeMsi } from "./release-packages/msi.ts";
import { missingTool, type NativeTool } from "./release-packages/native-tool.ts";
import { pinnedNodeFolder } from "./release-packages/pinned-node.ts";
import { ARCHITECTURES, ReleaseError, releaseOf, type Architecture } from "./release-packages/release.ts";
import { writeRpm } from "./release-packages/rpm.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const FORMATS = ["deb", "rpm", "brew", "msi"] as const;
/** What each cannot be made without. */
const TOOLS: Readonly<Record<(typeof FORMATS)[number], readonly NativeTool[]>> = {
  deb: [],
  rpm: ["rpmbuild"],
  brew: ["npm"],
  msi: ["wixl", "msibuild", "msiinfo"],
};
const MAINTAINER = "The Stratos authors <maintainers@users.noreply.stratos.invalid>";

try {
  for (const path of await main())
    process.stdout.write(`${createHash("sha256").update(readFileSync(path)).digest("hex")}  ${basename(path)}\n`);
} catch (error) {
  const isMistake = (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS") === true;
  if (!(error instanceof ReleaseError) && !isMistake) throw error;
  process.stderr.write(`release: ${(error as Error).message}\n`);
  process.exitCode = isMistake ? 2 : 1;
}

async function main(): Promise<string[]> {
  const { values } = parseArgs({
    options: {
      version: { type: "string" },
      output: { type: "string" },
      only: { type: "string", default: FORMATS.join() },
      arch: { type: "string", default: Object.keys(ARCHITECTURES).join() },
      maintainer: { type: "string", default: process.env["STRATOS_MAINTAINER"] || MAINTAINER },
      homepage: { type: "string" },
      "tarball-url": { type: "string" },
      "tarball-sha256": { type: "string" },
      dist: { type: "string" },
      fast: { type: "boolean", default: false },
    },
  });
  if (values.version === undefined) throw new ReleaseError("no version: --version 1.2.0");
  if (values.output === undefined) throw new ReleaseError("no folder for the packages: --output FOLDER");
  const formats = chosen(values.only, FORMATS, "format");
  const architectures = chosen(values.arch, Object.keys(ARCHITECTURES) as Architecture[], "architecture");
  const url = values["tarball-url"];
  const { homepage, maintainer } = values;
  const missing = formats.flatMap((format) => TOOLS[format].map(missingTool)).filter((why) => why !== null);
  if (missing.length > 0) throw new ReleaseError(missing.join("; "));
  if (formats.includes("brew") && (url === undefined || homepage === undefined))
    throw new ReleaseError("a formula names where npm's package will lie, and a home page: --tarball-url, --homepage");
  const release = releaseOf({ version: values.version, epoch: epochOf(), maintainer, homepage });

  const dist = resolve(values.dist ?? join(root, "dist"));
  if (!existsSync(join(dist, "package.json"))) throw new ReleaseError(`${dist}: not there: \`npm run build\` makes it`);
  const built = (JSON.parse(readFileSync(join(dist, "package.json"), "utf8")) as { version: string }).version;
  if (built !== release.version) throw new ReleaseError(`${dist} is version ${built}, not ${release.version}`);

  const output = resolve(values.output);
  mkdirSync(output, { recursive: true });
  const compression: Compression = values.fast ? "fast" : "best";
  const paths: string[] = [];
  for (const architecture of formats.some((format) => format === "deb" || format === "rpm") ? architectures : []) {
    const places = { root, dist, node: pinnedNodeFolder(root, architecture) };
    if (formats.includes("deb")) paths.push(await writeDeb(release, places, architecture, { output, compression }));
    if (formats.includes("rpm")) paths.push(writeRpm(release, places, architecture, { output, compression }));
  }
  if (formats.includes("brew"))
    paths.push(...writeFormula(release, dist, { output, url: url!, sha256: values["tarball-sha256"] }));
  if (formats.includes("msi")) paths.push(writeMsi(release, { root, dist }, output));
  return paths;
}

function chosen<Name extends string>(list: string, known: readonly Name[], what: string): Name[] {
  const names = list.split(",");
  const unknown = names.find((name) => !(known as readonly string[]).includes(name));
  if (unknown !== undefined) throw new ReleaseError(`'${unknown}' is no ${what}: ${known.join(", ")}`);
  return known.filter((name) => names.includes(name));
}

/** Source: reproducible-builds.org, "SOURCE_DATE_EPOCH". */
function epochOf(): number {
  const given = process.env["SOURCE_DATE_EPOCH"];
  if (given !== undefined && given !== "") return /^\d+$/.test(given) ? Number(given) : NaN;
  const { status, stdout } = spawnSync("git", ["log", "-1", "--format=%ct"], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new ReleaseError("no commit says the time of this release: set SOURCE_DATE_EPOCH");
  return Number(stdout);
}
