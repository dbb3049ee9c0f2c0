/**
 * Files whose size and hash are known beforehand, kept in a store: what is there is checked and used again, what is
 * half there is resumed, and nothing becomes visible that has not been checked.
 */
import { FetchError, type PackagePorts, type PartialFile } from "./ports.ts";

export interface WantedFile {
  /** places to get it from, tried in order */
  urls: readonly string[];
  /** where the store keeps it */
  path: string;
  sizeBytes: number;
  sha256: string;
}

/** Tries per place, the first included. */
const ATTEMPTS_MAX = 4;
const RETRY_DELAY_MS = 500;

/** What came is not what was promised. */
export class IntegrityError extends Error {
  override name = "IntegrityError";
}

/** The file's bytes from the store, or undefined; a file that does not match is removed. */
export async function readVerified(ports: PackagePorts, file: WantedFile): Promise<Uint8Array | undefined> {
  const bytes = await ports.store.read(file.path);
  if (bytes === undefined) return undefined;
  if (bytes.length === file.sizeBytes && digest(ports, bytes) === file.sha256) return bytes;
  await ports.store.remove(file.path);
  return undefined;
}

/**
 * Brings `file` into the store, unless it is there.
 *
 * @param onBytes  called with the number of bytes that arrived; negative when they have to be fetched again
 * @throws IntegrityError  each place gave something else
 * @throws FetchError  no place gave it
 */
export async function download(ports: PackagePorts, file: WantedFile, onBytes: (count: number) => void): Promise<void> {
  if ((await readVerified(ports, file)) !== undefined) {
    onBytes(file.sizeBytes);
    return;
  }
  let failure: unknown;
  for (const url of file.urls) {
    try {
      await withRetries(ports, () => transfer(ports, file, url, onBytes));
      return;
    } catch (error) {
      if (!(error instanceof FetchError) && !(error instanceof IntegrityError)) throw error;
      // A place that lacks the file says less than one that gave something wrong.
      if (failure === undefined || !(error instanceof FetchError && error.isPermanent)) failure = error;
    }
  }
  throw failure;
}

/** Runs `work` again, after growing pauses, when it fails in a way that may pass. */
export async function withRetries<T>(ports: Pick<PackagePorts, "sleep">, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const mayPass = error instanceof IntegrityError || (error instanceof FetchError && !error.isPermanent);
      if (!mayPass || attempt >= ATTEMPTS_MAX) throw error;
      await ports.sleep(RETRY_DELAY_MS * 2 ** (attempt - 1));
    }
  }
}

async function transfer(
  ports: PackagePorts,
  file: WantedFile,
  url: string,
  onBytes: (count: number) => void,
): Promise<void> {
  const partial = await ports.store.partial(file.path);
  let counted = 0;
  let isCommitted = false;
  const count = (bytes: number): void => {
    counted += bytes;
    onBytes(bytes);
  };
  try {
    const hasher = await receive(ports, partial, { file, url, count });
    if (counted !== file.sizeBytes)
      throw new FetchError(`${url}: ended after ${counted} of ${file.sizeBytes} bytes`, { isPermanent: false });
    if (hasher.hex() !== file.sha256) {
      await partial.clear();
      throw new IntegrityError(`${url}: does not have the SHA-256 hash that the signed index gives`);
    }
    await partial.commit();
    isCommitted = true;
  } finally {
    if (!isCommitted) {
      onBytes(-counted);
      await partial.close();
    }
  }
}

async function receive(
  ports: PackagePorts,
  partial: PartialFile,
  transfer: { file: WantedFile; url: string; count: (bytes: number) => void },
): Promise<{ hex(): string }> {
  const { file, url, count } = transfer;
  let hasher = ports.hasher("sha256");
  let have = partial.sizeBytes;
  if (have > file.sizeBytes) {
    await partial.clear();
    have = 0;
  }
  if (have > 0) hasher.update(await partial.read());
  if (have < file.sizeBytes || file.sizeBytes === 0) {
    const response = await ports.fetcher.open(url, { offset: have });
    if (response.offset !== have) {
      await partial.clear();
      hasher = ports.hasher("sha256");
      have = 0;
      if (response.offset !== 0)
        throw new FetchError(`${url}: the server sent another part than asked for`, { isPermanent: false });
    }
    count(have);
    for await (const bytes of response.body) {
      have += bytes.length;
      if (have > file.sizeBytes) {
        await partial.clear();
        throw new IntegrityError(`${url}: is larger than the ${file.sizeBytes} bytes that the signed index gives`);
      }
      hasher.update(bytes);
      await partial.append(bytes);
      count(bytes.length);
    }
  } else count(have);
  return hasher;
}

function digest(ports: PackagePorts, bytes: Uint8Array): string {
  const hasher = ports.hasher("sha256");
  hasher.update(bytes);
  return hasher.hex();
}

/** Runs `work` over `items`, `width` at a time; stops at the first failure, after those under way have ended. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let hasFailed = false;
  let failure: unknown;
  const worker = async (): Promise<void> => {
    while (next < items.length && !hasFailed) {
      const index = next++;
      try {
        await work(items[index]!, index);
      } catch (error) {
        if (!hasFailed) failure = error;
        hasFailed = true;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  if (hasFailed) throw failure;
}
