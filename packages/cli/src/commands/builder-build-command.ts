import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  binNmuFault,
  build,
  runAutopkgtest,
  runLintian,
  type BinNmu,
  type BuildRequest,
  type BuildResult,
  type CleanRoot,
  type RootCommand,
  type TestsResult,
} from "@stratos/builder";
import { replaceFile } from "@stratos/host-node/files";
import { carrierFor, telling, settingsOf, parseSourceReference } from "@stratos/systems/builder";
import { CommandError, UsageError } from "../command-error.ts";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { formatSize } from "../option-values.ts";
import type { BuilderBuildOptions } from "./builder-rows.ts";
import { builderAtTerminal, type TerminalBuilder } from "./builder-terminal.ts";

export async function buildSource(source: string, options: BuilderBuildOptions): Promise<number> {
  const settings = settingsOf(options),
    request: BuildRequest = { source: parseSourceReference(source), ...settings.request, ...binNmuOf(options) };
  const output = resolve(options.output);
  mkdirSync(output, { recursive: true });
  const session = builderAtTerminal({
    carrier: await carrierFor(settings.carrier, options.seed),
    mirror: settings.mirror,
    keyrings: settings.keyrings,
    hooks: settings.hooks,
    verbose: options.verbose === true,
    output,
    ...(options.shellOnFailure === true && process.stdin.isTTY === true
      ? { onFailedRoot: (root, command) => openShell(session, root, command) }
      : {}),
  });
  try {
    session.display.note(`builder: ${source} for ${request.suite} ${request.architecture}, in ${settings.carrier}`);
    const result = await telling(source, () => runBuild(request, session, output, settings));
    await session.close();
    if (options.json === true) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    else
      for (const { name, size, sha256 } of result.artefacts)
        process.stdout.write(`${sha256}  ${name}  ${formatSize(size)}\n`);
    if (result.autopkgtest !== undefined)
      session.display.note(`tests: ${summaryOf(result.autopkgtest).trim().replaceAll("\n", ", ") || "there are none"}`);
    const { failure } = result;
    if (failure !== undefined)
      throw new CommandError(
        source,
        `${failure.stage} failed (${failure.kind}): ${failure.message}`,
        session.stopStatus === undefined ? {} : { status: session.stopStatus },
      );
    return EXIT_SUCCESS;
  } finally {
    await session.close();
  }
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

/** Builds, and leaves the log and the provenance beside what was made. */
export async function runBuild(
  request: BuildRequest,
  session: TerminalBuilder,
  output: string,
  { isLinted = false, isTested = false }: { readonly isLinted?: boolean; readonly isTested?: boolean } = {},
): Promise<BuildResult> {
  const log = join(output, `.stratos-build-${process.pid}.log`),
    fd = openSync(log, "w");
  try {
    let result = await build(request, session.ports, (event) => {
      if (event.kind === "log") writeSync(fd, event.bytes);
      session.show(event);
    });
    const write = (bytes: Uint8Array): void => {
      writeSync(fd, bytes);
      session.show({ kind: "log", bytes, offset: 0 });
    };
    if (isLinted && result.status === "built") {
      write(Buffer.from("\n==== lintian ====\n"));
      if (!(await runLintian(session.ports, request, result.artefacts, (event) => session.show(event), write)))
        result = {
          ...result,
          status: "failed",
          failure: { kind: "hook", stage: "Check", message: "lintian found errors; the log names them" },
        };
    }
    if (isTested && result.status === "built") {
      write(Buffer.from("\n==== autopkgtest ====\n"));
      result = withTests(
        result,
        await runAutopkgtest(session.ports, request, result.artefacts, (event) => session.show(event), write),
      );
    }
    const { source, binaryVersion = source?.version, architecture } = result;
    const stem = join(output, `${source?.name}_${binaryVersion?.replace(/^\d+:/, "")}_${architecture}`);
    if (source !== undefined) renameSync(log, `${stem}.build`);
    if (result.autopkgtest !== undefined) writeFileSync(`${stem}.autopkgtest`, summaryOf(result.autopkgtest));
    if (result.provenance !== undefined)
      replaceFile(join(output, "provenance.json"), `${JSON.stringify(result.provenance, null, 1)}\n`);
    return result;
  } finally {
    closeSync(fd);
    rmSync(log, { force: true });
  }
}

function withTests(result: BuildResult, autopkgtest: TestsResult): BuildResult {
  const { status, tests } = autopkgtest;
  const failed = tests.filter(({ outcome }) => outcome === "FAIL").map(({ name, why }) => `${name}: ${why}`);
  if (failed.length === 0) return { ...result, autopkgtest };
  const counted = `${failed.length} of ${tests.length} tests failed (autopkgtest's status ${status})`;
  const message = `${counted}: ${failed.join("; ")}`;
  return { ...result, autopkgtest, status: "failed", failure: { kind: "hook", stage: "Check", message } };
}

/** As autopkgtest's own `summary` has it. */
function summaryOf({ tests }: TestsResult): string {
  return tests.map(({ name, outcome, why }) => `${name} ${outcome}${why === undefined ? "" : ` ${why}`}\n`).join("");
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
