/**
 * A report for support: versions, states and sizes. No command, environment or log is in it, which may hold secrets,
 * and no name of a person or of a file of theirs.
 */
import { arch, cpus, freemem, release, totalmem, type } from "node:os";
import { ImageStore } from "@stratos/images";
import { VERSION } from "@stratos/sdk/version";
import { foundVolumes } from "@stratos/volumes";
import type { Jobs } from "../jobs/jobs.ts";
import { reached } from "../jobs/reach.ts";
import { diskUse } from "./disk-use.ts";

interface ReportParts {
  /** STRATOS_HOME. */
  readonly home: string;
  readonly jobs: Jobs;
}

export async function supportReport({ home, jobs }: ReportParts): Promise<object> {
  return {
    at: new Date().toISOString(),
    stratos: VERSION,
    node: process.version,
    host: {
      system: `${type()} ${release()}`,
      architecture: arch(),
      processors: cpus().length,
      memoryBytes: totalmem(),
      freeMemoryBytes: freemem(),
    },
    disk: await diskUse(home),
    images: new ImageStore(home).list().map(({ name, sizeBytes }) => ({ name, sizeBytes })),
    volumes: foundVolumes([]).map(({ volume: { uuid, isEncrypted, devices }, mountPoints }) => ({
      uuid,
      isEncrypted,
      isMounted: mountPoints.length > 0,
      deviceBytes: devices.map(({ sizeBytes }) => sizeBytes),
    })),
    jobs: jobs.list().map(({ id, command, isRunning, startedMs, exitCode, signal }) => ({
      id,
      command: reached(command),
      isRunning,
      startedMs,
      exitCode,
      signal,
    })),
  };
}
