import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { makeFolders } from "@stratos/host-node/home";
import {
  parseBuildInfo,
  requestOfBuildInfo,
  VARIATIONS,
  variedRequests,
  type BuildRequest,
  type BuildResult,
} from "@stratos/builder";
import {
  type BuilderSettings,
  carrierFor,
  compareBuilds,
  compareWithInfo,
  type PackageComparison,
  parseSourceReference,
  runBuild,
  settingsOf,
  telling,
} from "@stratos/systems/builder";
import { CommandError } from "../command-error.ts";
import { readGivenFile } from "../given-file.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { builderAtTerminal, type BuilderOptions, type TerminalBuilder } from "./builder-terminal.ts";

export interface BuilderVerifyOptions extends BuilderOptions {
  readonly source?: string;
  readonly output?: string;
  readonly against?: string;
}

export interface BuilderReprotestOptions extends BuilderOptions {
  readonly vary?: readonly string[];
  readonly autoBuild?: true;
}

export async function verifyBuild(file: string, options: BuilderVerifyOptions): Promise<number> {
  const settings = settingsOf(options);
  const info = await telling(file, async () => parseBuildInfo(readGivenFile(file).toString("latin1"), file));
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
      const compared = await compareWithInfo(
        session.ports.packages,
        built,
        info,
        resolve(options.against ?? dirname(file)),
      );
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
    const { names, fixed } = await variationsHere(settings, options, folder);
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
    return tell(compared, options.json === true, {
      varied: names,
      ...(Object.keys(fixed).length === 0 ? {} : { fixed }),
      ...(causes === undefined ? {} : { causes }),
    });
  });
}

/** What is varied; `fixed`: what would be, and cannot be varied here. @throws CommandError when it was asked for */
async function variationsHere(
  settings: BuilderSettings,
  options: BuilderReprotestOptions,
  output: string,
): Promise<{ names: readonly string[]; fixed: Readonly<Record<string, string>> }> {
  const session = await openSession(settings, options, output);
  try {
    const fixed = session.ports.carrier.fixed();
    if (options.vary !== undefined) {
      const impossible = options.vary.find((name) => fixed[name] !== undefined);
      if (impossible !== undefined) throw new CommandError(impossible, `cannot be varied here: ${fixed[impossible]}`);
      return { names: options.vary, fixed: {} };
    }
    for (const [name, why] of Object.entries(fixed)) session.display.note(`reprotest: not varied: ${name}: ${why}`);
    return { names: Object.keys(VARIATIONS).filter((name) => fixed[name] === undefined), fixed };
  } finally {
    await session.close();
  }
}

function tell(compared: readonly PackageComparison[], isJson: boolean, about: Record<string, unknown>): number {
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
  const result = await telling(what, () => runBuild(request, session.ports, output, session.show));
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
  makeFolders(folder);
  try {
    return await work(folder);
  } finally {
    if (given === undefined) rmSync(folder, { recursive: true, force: true });
  }
}
