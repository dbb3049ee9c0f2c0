/** A build on this host: the builder's, with what it leaves in a folder, and the checks of what it made. */
import { closeSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  build,
  runAutopkgtest,
  runLintian,
  type BuildEvent,
  type BuilderPorts,
  type BuildRequest,
  type BuildResult,
  type TestsResult,
} from "@stratos/builder";
import { failedAt, replaceFile, writeFully, writeWhole } from "@stratos/host-node/files";

/** Builds, and leaves the log and the provenance beside what was made. @param checks  of what was made */
export async function runBuild(
  request: BuildRequest,
  ports: BuilderPorts,
  output: string,
  onEvent: (event: BuildEvent) => void,
  checks: { readonly isLinted?: boolean; readonly isTested?: boolean } = {},
): Promise<BuildResult> {
  const log = join(output, `.stratos-build-${process.pid}.log`),
    fd = openSync(log, "w");
  // Told by whom the build is: what comes from a pipe has nobody above it to catch.
  let trouble: Error | undefined;
  const keep = (bytes: Uint8Array): void => {
    if (trouble !== undefined) return;
    try {
      writeFully(fd, bytes);
    } catch (error) {
      trouble = failedAt(log, error) as Error;
    }
  };
  try {
    let result = await build(request, ports, (event) => {
      if (event.kind === "log") keep(event.bytes);
      onEvent(event);
    });
    const write = (bytes: Uint8Array): void => {
      keep(bytes);
      onEvent({ kind: "log", bytes, offset: 0 });
    };
    if (checks.isLinted === true && result.status === "built") {
      write(Buffer.from("\n==== lintian ====\n"));
      if (!(await runLintian(ports, request, result.artefacts, onEvent, write)))
        result = {
          ...result,
          status: "failed",
          failure: { kind: "hook", stage: "Check", message: "lintian found errors; the log names them" },
        };
    }
    if (checks.isTested === true && result.status === "built") {
      write(Buffer.from("\n==== autopkgtest ====\n"));
      result = withTests(result, await runAutopkgtest(ports, request, result.artefacts, onEvent, write));
    }
    if (trouble !== undefined && result.status === "built")
      result = {
        ...result,
        status: "failed",
        failure: { kind: "infrastructure", stage: "Post", message: `the log cannot be written: ${trouble.message}` },
      };
    const { source, binaryVersion = source?.version, architecture, hostArchitecture = architecture } = result;
    const stem = join(output, `${source?.name}_${binaryVersion?.replace(/^\d+:/, "")}_${hostArchitecture}`);
    if (source !== undefined) renameSync(log, `${stem}.build`);
    if (result.autopkgtest !== undefined) writeWhole(`${stem}.autopkgtest`, testSummary(result.autopkgtest));
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
export function testSummary({ tests }: TestsResult): string {
  return tests.map(({ name, outcome, why }) => `${name} ${outcome}${why === undefined ? "" : ` ${why}`}\n`).join("");
}
