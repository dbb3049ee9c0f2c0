/** How a sandbox begins: an engine, and what its machine is made of. */
import { StratosError, type SandboxOptions, type VolumeOpening } from "./api.ts";
import { checkOptions, SANDBOX } from "./check-options.ts";
import { abortReason, type EngineClient } from "./engine-client.ts";
import type { CreateRequest } from "./protocol.ts";
import { RemoteHandle } from "./remote-files.ts";
import type { AcquiredEngine, EngineSource } from "./sandbox.ts";

/** A file that `checkpoint` wrote, and whether what goes on from there is to be told from it. */
type SavedFile = Required<Pick<CreateRequest, "checkpoint">> & Pick<CreateRequest, "identity">;

interface Place {
  readonly board: number | undefined;
  readonly openings: readonly Opening[];
  readonly from?: SavedFile | undefined;
}

type Opening = VolumeOpening & { readonly guest: string };

/** Starts the machine of a sandbox. */
export async function openSandbox(
  engines: EngineSource,
  options: SandboxOptions,
  from?: SavedFile,
): Promise<RemoteHandle> {
  const given = await Promise.allSettled(Object.values(options?.volumes ?? {}));
  try {
    checkOptions(options, SANDBOX);
    const failed = given.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    const handle = await open(engines, options, from);
    const { board, isolation, spare = true, home, memoryBytes, codeCache } = options;
    if (spare && board === undefined) engines.makeReady?.(isolation, { home, memoryBytes, codeCache });
    return handle;
  } catch (error) {
    // They were the sandbox's, and there is none.
    // What is no volume has nothing to close.
    await Promise.all(given.map((each) => (each.status === "fulfilled" ? each.value?.close?.() : null)));
    throw error;
  }
}

async function open(engines: EngineSource, options: SandboxOptions, from?: SavedFile): Promise<RemoteHandle> {
  const { board, isolation, state } = options;
  if (board === undefined) {
    const acquired = engines.acquire(isolation);
    const openings = handOver(options.volumes ?? {});
    return onEngine(acquired, async (engine, release) => {
      const target = await createOn(engine, { board: undefined, openings: await openings, from }, options);
      return new RemoteHandle("sandbox", engine, target, release);
    });
  }
  if (isolation !== undefined)
    throw new StratosError("option", "isolation: it is the board's", { option: "isolation" });
  if (state !== undefined)
    throw new StratosError("option", "state: what was saved goes on alone, on no board", { option: "state" });
  if (!(board.handle instanceof RemoteHandle))
    throw new StratosError("option", "board: none of this library", { option: "board" });
  const { engine, target } = board.handle.use();
  const openings = await handOver(options.volumes ?? {});
  return new RemoteHandle("sandbox", engine, await createOn(engine, { board: target, openings }, options), () => {});
}

/** Opens something on an engine, which is let go when that fails; on another when it had ended while it waited. */
export async function onEngine<T>(
  { engine, release, another }: AcquiredEngine,
  work: (engine: EngineClient, release: () => void) => Promise<T>,
): Promise<T> {
  try {
    return await work(engine, release);
  } catch (error) {
    release();
    if (another === undefined || !engine.isGone) throw error;
  }
  return onEngine(another(), work);
}

/** @returns the sandbox's number */
async function createOn(
  engine: EngineClient,
  { board, openings, from }: Place,
  options: SandboxOptions,
): Promise<number> {
  const { home, pull, memoryBytes, harts, seed, network, ports, mounts, hostname, state, signal, onProgress } = options;
  const { net, limits, timeoutMs, onTimeout, codeCache, keepsPrograms } = options;
  // Before anything is attached: no call would name it.
  if (signal?.aborted === true) throw abortReason(signal);
  const volumes = openings.map(({ guest, place, readOnly, passphrase }) => {
    return { guest, path: engine.place(place, "volumes"), readOnly, passphrase };
  });
  const image = options.image === undefined ? undefined : engine.place(options.image, "image");
  const record = options.record === undefined ? undefined : engine.place(options.record, "record");
  const isSaved = state !== undefined;
  const { value } = await engine.call(
    "create",
    {
      ...{ home, image, pull, memoryBytes, harts, seed, network, ports, mounts, volumes, hostname, board, isSaved },
      ...{ net, limits, timeoutMs, onTimeout, codeCache, record, keepsPrograms, ...from },
    },
    {
      signal,
      ...(state === undefined ? {} : { bytes: state }),
      ...(onProgress === undefined ? {} : { onProgress }),
    },
  ).answer;
  return value as number;
}

/** Volumes leave the engine that they are open in for the sandbox's. */
async function handOver(volumes: NonNullable<SandboxOptions["volumes"]>): Promise<Opening[]> {
  return Promise.all(
    Object.entries(volumes).map(async ([guest, given]) => ({ guest, ...(await (await given).handOver()) })),
  );
}
