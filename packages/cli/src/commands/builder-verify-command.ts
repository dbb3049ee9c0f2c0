import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import {
  comparePackages,
  parseBuildInfo,
  requestOfBuildInfo,
  VARIATIONS,
  variedRequests,
  type BuildRequest,
  type BuildResult,
  type PackageDifference,
} from "@stratos/builder";
import { homeFolder, stratosHome } from "@stratos/host-node/home";
import { nodePackagePorts } from "@stratos/tools-node/packages";
import type { PackagePorts } from "@stratos/pkg";
import { carrierFor, telling, settingsOf, type BuilderSettings, parseSourceReference } from "@stratos/systems/builder";
import { CommandError, hostReason } from "../command-error.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import type { BuilderReprotestOptions, BuilderVerifyOptions } from "./builder-rows.ts";
import { runBuild } from "./builder-build-command.ts";
import { builderAtTerminal, type TerminalBuilder } from "./builder-terminal.ts";

/** How a package of one build compares with that of another. */
interface Comparison {
  readonly name: string;
  readonly verdict: "same" | "different" | "missing";
  /** named where both files are at hand */
  readonly differences: readonly PackageDifference[];
}

export async function verifyBuild(file: string, options: BuilderVerifyOptions): Promise<number> {
  const settings = settingsOf(options);
  const info = await telling(file, async () => parseBuildInfo(readText(file), file));
  const source = options.source === undefined ? undefined : parseSourceReference(options.source);
  const { architecture: _, profiles: __, parts: ___, ...fields } = settings.request;
  const request = requestOfBuildInfo(info, fields, source);
  return inFolder(options.output, async (output) => {
    const session = await openSession(settings, options, output);
    try {
      session.display.note(
        `verify: ${info.source} ${info.version} for ${info.architecture}, with ${info.installed.length} packages ` +
          "as they were",
      );
      const built = await buildIn(session, request, { what: file, output });
      const beside = resolve(options.against ?? dirname(file));
      const compared: Comparison[] = [];
      for (const { name, sha256 } of info.files.filter((one) => isPackage(one.name))) {
        const ours = built.artefacts.find((one) => one.name === name),
          theirs = join(beside, name);
        if (ours === undefined) compared.push({ name, verdict: "missing", differences: [] });
        else if (ours.sha256 === sha256) compared.push({ name, verdict: "same", differences: [] });
        else
          compared.push({
            name,
            verdict: "different",
            differences: existsSync(theirs)
              ? await comparePackages(session.ports.packages, readFileSync(ours.path), readFileSync(theirs))
              : [],
          });
      }
      await session.close();
      return tell(compared, options.json === true, { built: file });
    } finally {
      await session.close();
    }
  });
}

export async function reprotest(source: string, options: BuilderReprotestOptions): Promise<number> {
  const settings = settingsOf(options),
    request: BuildRequest = { source: parseSourceReference(source), ...settings.request };
  const names = options.vary ?? Object.keys(VARIATIONS);
  return inFolder(undefined, async (folder) => {
    const build = async (one: BuildRequest, name: string): Promise<BuildResult> => {
      const output = join(folder, name);
      mkdirSync(output);
      const session = await openSession(settings, options, output);
      try {
        session.display.note(`reprotest: ${name}`);
        return await buildIn(session, one, { what: source, output });
      } finally {
        await session.close();
      }
    };
    const { control, experiment } = variedRequests(request, names);
    const first = await build(control, "control"),
      second = await build(experiment, "experiment");
    const compared = await compareBuilds(first, second);
    const isSame = compared.every(({ verdict }) => verdict === "same");
    let causes: string[] | undefined;
    if (!isSame && options.autoBuild === true) {
      causes = [];
      for (const name of names) {
        const alone = await build(variedRequests(request, [name]).experiment, name);
        if ((await compareBuilds(first, alone)).some(({ verdict }) => verdict !== "same")) causes.push(name);
      }
    }
    return tell(compared, options.json === true, { varied: names, ...(causes === undefined ? {} : { causes }) });
  });
}

async function compareBuilds(first: BuildResult, second: BuildResult): Promise<Comparison[]> {
  const packages = nodePackagePorts(homeFolder(stratosHome(), "downloads"));
  try {
    return await compareWith(packages, first, second);
  } finally {
    await packages.close();
  }
}

async function compareWith(packages: PackagePorts, first: BuildResult, second: BuildResult): Promise<Comparison[]> {
  const compared: Comparison[] = [];
  const names = new Set([...first.artefacts, ...second.artefacts].map(({ name }) => name).filter(isPackage));
  for (const name of names) {
    const [one, other] = [first, second].map(({ artefacts }) => artefacts.find((artefact) => artefact.name === name));
    if (one === undefined || other === undefined) compared.push({ name, verdict: "missing", differences: [] });
    else if (one.sha256 === other.sha256) compared.push({ name, verdict: "same", differences: [] });
    else
      compared.push({
        name,
        verdict: "different",
        differences: await comparePackages(packages, readFileSync(other.path), readFileSync(one.path)),
      });
  }
  return compared;
}

function tell(compared: readonly Comparison[], isJson: boolean, about: Record<string, unknown>): number {
  const isSame = compared.length > 0 && compared.every(({ verdict }) => verdict === "same");
  if (isJson)
    process.stdout.write(JSON.stringify({ ...about, reproducible: isSame, packages: compared }, null, 2) + "\n");
  else {
    for (const { name, verdict, differences } of compared) {
      process.stdout.write(`${name}: ${verdict}\n`);
      for (const { member, what } of differences) process.stdout.write(`  ${member}: ${what}\n`);
    }
    const { causes } = about as { causes?: string[] };
    if (causes !== undefined)
      process.stdout.write(
        "caused by: " + (causes.length === 0 ? "none of the variations alone" : causes.join(", ")) + "\n",
      );
  }
  return isSame ? EXIT_SUCCESS : EXIT_FAILURE;
}

async function openSession(
  { carrier, mirror, keyrings, hooks }: BuilderSettings,
  { verbose }: { readonly verbose?: boolean },
  output: string,
): Promise<TerminalBuilder> {
  return builderAtTerminal({
    carrier: await carrierFor(carrier, undefined),
    mirror,
    keyrings,
    hooks,
    verbose: verbose === true,
    output,
  });
}

/** @throws CommandError when it fails to build */
async function buildIn(
  session: TerminalBuilder,
  request: BuildRequest,
  { what, output }: { what: string; output: string },
): Promise<BuildResult> {
  const result = await telling(what, () => runBuild(request, session, output));
  const { failure } = result;
  if (failure !== undefined)
    throw new CommandError(
      what,
      `${failure.stage} failed (${failure.kind}): ${failure.message}`,
      session.stopStatus === undefined ? {} : { status: session.stopStatus },
    );
  return result;
}

async function inFolder<T>(given: string | undefined, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = given === undefined ? mkdtempSync(join(tmpdir(), "stratos-verify-")) : resolve(given);
  mkdirSync(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    if (given === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

function isPackage(name: string): boolean {
  return /\.u?deb$/.test(name);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    throw new CommandError(path, hostReason(error), { cause: error });
  }
}
