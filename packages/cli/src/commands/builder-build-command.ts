import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { build, type BuildLimits, type BuildRequest, type BuildResult } from "@stratos/builder";
import { nativeArchitecture } from "@stratos/host-node/compose";
import { openBuilderSession, type BuilderSession } from "../builder/builder-session.ts";
import { parseSourceReference } from "../builder/source-reference.ts";
import { CommandError } from "../command-error.ts";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { formatSize } from "../option-values.ts";
import type { BuilderBuildOptions } from "../program/builder-command.ts";

export async function buildSource(source: string, options: BuilderBuildOptions): Promise<number> {
  const request = requestOf(source, options);
  const output = resolve(options.output);
  mkdirSync(output, { recursive: true });
  const session = openBuilderSession({
    mirror: options.mirror,
    keyrings: options.keyring,
    verbose: options.verbose === true,
    output,
  });
  try {
    session.display.note(`builder: ${source} for ${request.suite} ${request.architecture}, in linux`);
    const result = await runBuild(request, session, output);
    await session.close();
    if (options.json === true) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    else
      for (const { name, size, sha256 } of result.artefacts)
        process.stdout.write(`${sha256}  ${name}  ` + `${formatSize(size)}\n`);
    const { failure } = result;
    if (failure !== undefined)
      throw new CommandError(
        source,
        `${failure.stage} failed (${failure.kind}): ` + `${failure.message}`,
        session.stopStatus === undefined ? {} : { status: session.stopStatus },
      );
    return EXIT_SUCCESS;
  } finally {
    await session.close();
  }
}

/** Builds, and leaves the log and the provenance beside what was made. */
export async function runBuild(request: BuildRequest, session: BuilderSession, output: string): Promise<BuildResult> {
  const log = join(output, `.stratos-build-${process.pid}.log`),
    fd = openSync(log, "w");
  try {
    const result = await build(request, session.ports, (event) => {
      if (event.kind === "log") writeSync(fd, event.bytes);
      session.show(event);
    });
    if (result.source !== undefined)
      renameSync(
        log,
        join(
          output,
          `${result.source.name}_${result.source.version.replace(/^\d+:/, "")}_${result.architecture}.build`,
        ),
      );
    if (result.provenance !== undefined) {
      const path = join(output, "provenance.json");
      writeFileSync(`${path}.new`, `${JSON.stringify(result.provenance, null, 1)}\n`);
      renameSync(`${path}.new`, path);
    }
    return result;
  } finally {
    closeSync(fd);
    rmSync(log, { force: true });
  }
}

export function requestOf(source: string, options: BuilderBuildOptions): BuildRequest {
  const {
    suite,
    arch,
    profiles,
    parts,
    components,
    repository,
    jobs,
    timeout,
    silence,
    memory,
    processes,
    space,
    log,
  } = options;
  const limits = Object.fromEntries(
    Object.entries({
      timeoutSeconds: timeout,
      silenceSeconds: silence,
      memoryBytes: memory,
      processes,
      spaceBytes: space,
      logBytes: log,
    }).filter(([, value]) => value !== undefined),
  ) as Partial<BuildLimits>;
  return {
    source: parseSourceReference(source),
    suite,
    architecture: arch ?? nativeArchitecture() ?? "riscv64",
    profiles: profiles ?? [],
    ...(parts === undefined ? {} : { parts }),
    ...(components === undefined ? {} : { components }),
    ...(repository === undefined || repository.length === 0 ? {} : { repositories: repository }),
    jobs: jobs ?? availableParallelism(),
    limits,
  };
}
