import { rmdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { binNmuFault, type BinNmu, type BuildRequest, type CleanRoot, type RootCommand } from "@stratos/builder";
import { carrierFor, parseSourceReference, runBuild, settingsOf, telling, testSummary } from "@stratos/systems/builder";
import { CommandError, UsageError } from "../command-error.ts";
import { EXIT_SUCCESS, EXIT_USAGE } from "../exit-status.ts";
import { makeFolders } from "@stratos/host-node/home";
import { formatSize } from "@stratos/operation";
import { builderAtTerminal, type BuilderOptions, type TerminalBuilder } from "./builder-terminal.ts";

export interface BuilderBuildOptions extends BuilderOptions {
  readonly output: string;
  readonly shellOnFailure?: true;
  readonly seed?: number;
  readonly binNmu?: number;
  readonly reason?: string;
  readonly binNmuDate?: number;
  readonly binNmuOf?: string;
  readonly maintainer?: string;
}

export async function buildSource(source: string, options: BuilderBuildOptions): Promise<number> {
  const settings = settingsOf(options),
    request: BuildRequest = { source: parseSourceReference(source), ...settings.request, ...binNmuOf(options) };
  const output = resolve(options.output);
  const made = makeFolders(output);
  try {
    return await buildInto(output, { source, options, settings, request });
  } finally {
    if (made !== undefined) removeEmpty(output, made);
  }
}

/** Folders that were made for a build which left nothing go again. @param highest  of them */
function removeEmpty(folder: string, highest: string): void {
  try {
    for (let at = folder; at.startsWith(highest); at = dirname(at)) rmdirSync(at);
  } catch {
    // Something is in it.
  }
}

interface Asked {
  readonly source: string;
  readonly options: BuilderBuildOptions;
  readonly settings: ReturnType<typeof settingsOf>;
  readonly request: BuildRequest;
}

async function buildInto(output: string, { source, options, settings, request }: Asked): Promise<number> {
  const session = builderAtTerminal({
    carrier: await carrierFor(settings.carrier, options.seed),
    mirror: settings.mirror,
    keyrings: settings.keyrings,
    hooks: settings.hooks,
    plugins: settings.plugins,
    verbose: options.verbose === true,
    output,
    ...(options.shellOnFailure === true && process.stdin.isTTY === true
      ? { onFailedRoot: (root, command) => openShell(session, root, command) }
      : {}),
  });
  try {
    session.display.note(`builder: ${source} for ${request.suite} ${targetOf(request)}, in ${settings.carrier}`);
    const result = await telling(source, () => runBuild(request, session.ports, output, session.show, settings));
    await session.close();
    if (options.json === true) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    else
      for (const { name, size, sha256 } of result.artefacts)
        process.stdout.write(`${sha256}  ${name}  ${formatSize(size)}\n`);
    if (result.autopkgtest !== undefined)
      session.display.note(
        `tests: ${testSummary(result.autopkgtest).trim().replaceAll("\n", ", ") || "there are none"}`,
      );
    const { failure } = result;
    if (failure !== undefined)
      throw new CommandError(
        source,
        `${failure.stage} failed (${failure.kind}): ${failure.message}`,
        failure.kind === "request"
          ? { status: EXIT_USAGE }
          : session.stopStatus === undefined
            ? {}
            : { status: session.stopStatus },
      );
    return EXIT_SUCCESS;
  } finally {
    await session.close();
  }
}

function targetOf({ architecture, hostArchitecture }: BuildRequest): string {
  return hostArchitecture === undefined ? architecture : `${hostArchitecture} on ${architecture}`;
}

function binNmuOf(options: BuilderBuildOptions): Pick<BuildRequest, "binNmu"> {
  const { binNmu: number, reason, binNmuDate, binNmuOf: of, maintainer, parts } = options;
  if (number === undefined) {
    if ((reason ?? binNmuDate ?? of ?? maintainer) !== undefined)
      throw new UsageError(
        "--bin-nmu",
        "is missing: --reason, --bin-nmu-date, --bin-nmu-of and --maintainer are of it",
      );
    return {};
  }
  if (reason === undefined) throw new UsageError("--bin-nmu", "needs a --reason");
  if (parts === "both" || parts === "all")
    throw new UsageError(
      "--parts",
      `${parts}: a binNMU has no packages for all architectures; they take a new version of the source`,
    );
  const binNmu: BinNmu = {
    number,
    reason,
    dateSeconds: binNmuDate ?? Math.floor(Date.now() / 1000),
    ...(maintainer === undefined ? {} : { maintainer }),
    ...(of === undefined ? {} : { of }),
  };
  const fault = binNmuFault(binNmu);
  if (fault !== undefined) throw new UsageError("--bin-nmu", fault);
  return { binNmu };
}

async function openShell(session: TerminalBuilder, root: CleanRoot, command: RootCommand): Promise<void> {
  session.display.note(`a shell where \`${command.argv.join(" ")}\` failed; its end removes the root`);
  await root.run({
    ...command,
    argv: ["/bin/bash"],
    environment: { ...command.environment, TERM: process.env["TERM"] ?? "dumb" },
    isInteractive: true,
  });
}
