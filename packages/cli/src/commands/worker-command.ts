/** `stratos worker`: runs tasks of a hub on this host until a signal ends it. */
import { hostname } from "node:os";
import { join } from "node:path";
import { hubFailure } from "@stratos/hub/client";
import {
  ArtefactCache,
  buildExecutor,
  commandExecutor,
  downloadArtefact,
  HostIdentity,
  Worker,
} from "@stratos/hub/worker";
import { FileLockedError, lockFile, stratosHome } from "@stratos/host-node";
import { makeFolders } from "@stratos/host-node/home";
import { VERSION } from "@stratos/sdk/version";
import { PROFILE_FOLDER, Profiler } from "@stratos/hub/profiling";
import { CommandError } from "../command-error.ts";
import { profilerSettings, type ProfileOptions } from "./hub-profile-options.ts";
import { hubUrl, openHub, tokenOf, type HubOptions } from "../hub/hub-client.ts";

export interface WorkerCommandOptions extends HubOptions, ProfileOptions {
  readonly name?: string;
  readonly capacity: number;
  readonly arch: readonly string[];
  readonly channel: readonly string[];
  readonly capability: readonly string[];
  readonly folder?: string;
  /** MiB. */
  readonly cache: number;
  readonly enrolFile?: string;
}

const DEBIAN_ARCHES: Readonly<Record<string, string>> = {
  x64: "amd64",
  arm64: "arm64",
  riscv64: "riscv64",
  ppc64: "ppc64el",
  s390x: "s390x",
  arm: "armhf",
  ia32: "i386",
};

export async function runWorker(options: WorkerCommandOptions): Promise<number> {
  const host = options.name ?? hostname();
  const folder = options.folder ?? join(stratosHome(), "worker", host);
  const profiles = { ...profilerSettings(options), folder: join(folder, PROFILE_FOLDER) };
  makeFolders(folder);
  const tell = (message: string): void => void process.stderr.write(`stratos worker: ${message}\n`);
  const ended = new AbortController();
  const profiler = new Profiler({ ...profiles, software: `stratos worker ${VERSION}`, warn: tell });
  let release = (): void => {};
  let url = options.hub ?? "";
  try {
    url = hubUrl(options);
    release = lockFile(folder);
    const identity = await openIdentity(options, { url, host, path: join(folder, "certificate.json") }, tell);
    const client = identity === null ? openHub(options) : identity.client();
    identity?.keepRenewed(tell, ended.signal);
    const sources =
      options.cache === 0
        ? undefined
        : new ArtefactCache(join(folder, "artefacts"), {
            bytesMax: options.cache * (1 << 20),
            fetch: (digest, path, signal) => downloadArtefact(client, digest, path, signal),
          });
    const worker = new Worker({
      client,
      ...(sources === undefined ? {} : { artefacts: () => sources.counts }),
      host,
      folder,
      executors: [
        commandExecutor,
        buildExecutor(client, [process.execPath, ...process.execArgv, process.argv[1]!, "builder", "build"], sources),
      ],
      tell,
      registration: {
        arches: options.arch.length > 0 ? options.arch : [DEBIAN_ARCHES[process.arch] ?? process.arch],
        channels: options.channel.length > 0 ? options.channel : ["default"],
        capabilities: options.capability,
        capacity: options.capacity,
        software: `stratos ${VERSION}`,
      },
    });
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => worker.stop());
    profiler.start();
    await worker.run();
    return 0;
  } catch (error) {
    if (error instanceof FileLockedError) throw new CommandError(folder, error.words, { cause: error });
    throw hubFailure(error, url);
  } finally {
    ended.abort();
    await profiler.close();
    release();
  }
}

/** A key that is named goes before the host's certificate. @returns null: it has none, and goes by a key */
async function openIdentity(
  { enrolFile, tokenFile }: WorkerCommandOptions,
  place: { readonly url: string; readonly host: string; readonly path: string },
  tell: (message: string) => void,
): Promise<HostIdentity | null> {
  if (enrolFile === undefined) return tokenFile === undefined ? HostIdentity.open(place, Date.now()) : null;
  const identity = await HostIdentity.enrol(place, tokenOf(enrolFile), Date.now());
  tell(`host ${place.host} has a certificate, good until ${identity.expires}; --enrol-file is not needed again`);
  return identity;
}
