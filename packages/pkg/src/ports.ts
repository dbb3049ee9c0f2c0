/**
 * What package management needs of the outside world. `host-node` has the real forms; tests bring their own.
 */

/** A transfer that failed; `isPermanent` says that trying again is no use (404 and the like). */
export class FetchError extends Error {
  override name = "FetchError";
  readonly isPermanent: boolean;

  constructor(message: string, options: { isPermanent: boolean; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.isPermanent = options.isPermanent;
  }
}

export interface FetchResponse {
  /** byte of the resource at which `body` begins: what was asked for, or 0 when the server cannot resume */
  offset: number;
  /** bytes of the whole resource, when the server says so */
  sizeBytes: number | undefined;
  body: AsyncIterable<Uint8Array>;
}

export interface Fetcher {
  /** @throws FetchError */
  open(url: string, options: { offset: number }): Promise<FetchResponse>;
}

/** A file that is being written and is not visible under its name yet. */
export interface PartialFile {
  /** bytes that an earlier attempt left */
  readonly sizeBytes: number;
  read(): Promise<Uint8Array>;
  append(bytes: Uint8Array): Promise<void>;
  /** begins anew */
  clear(): Promise<void>;
  /** makes the file visible under its name, at once and whole */
  commit(): Promise<void>;
  /** gives up for now; what is there may be resumed */
  close(): Promise<void>;
}

/** A file that is read in places, at once: what is asked for is small. */
export interface RandomFile {
  readonly sizeBytes: number;
  /** @returns exactly `length` bytes of its own; fewer when the file has become shorter */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/** A folder for downloaded files. Paths are relative, of plain ASCII names with `/` between them. */
export interface FileStore {
  /** undefined when there is no such file */
  read(path: string): Promise<Uint8Array | undefined>;
  /** writes the whole file, atomically */
  write(path: string, bytes: Uint8Array): Promise<void>;
  remove(path: string): Promise<void>;
  partial(path: string): Promise<PartialFile>;
  /** undefined when there is no such file. A store without it has its indices parsed anew each time. */
  random?(path: string): RandomFile | undefined;
}

export type Compression = "none" | "gzip" | "xz" | "zstd";

/** What is to be unpacked is larger than may be held. */
export class UnpackLimitError extends Error {
  override name = "UnpackLimitError";
  constructor(sizeMax: number) {
    super(`unpacks to more than ${sizeMax} bytes`);
  }
}

/**
 * Unpacks as a stream, for what is too large to be held; fails when the packed bytes are damaged. Who stops reading
 * stops it.
 */
export type Unpack = (
  compression: Compression,
  packed: Uint8Array | AsyncIterable<Uint8Array>,
) => AsyncIterable<Uint8Array>;

/**
 * Unpacks `bytes`; rejects when they are damaged, and with an UnpackLimitError when they unpack to more than `sizeMax`
 * bytes. May work in parallel.
 */
export type Decompress = (compression: Compression, bytes: Uint8Array, sizeMax: number) => Promise<Uint8Array>;

export interface Hasher {
  update(bytes: Uint8Array): void;
  hex(): string;
}

export interface PackagePorts {
  fetcher: Fetcher;
  store: FileStore;
  decompress: Decompress;
  unpack: Unpack;
  /** `sha1` is for formats that know no better */
  hasher(algorithm: "sha256" | "md5" | "sha1"): Hasher;
  /** the bytes as a byte string; hosts have a faster way than a loop */
  latin1(bytes: Uint8Array): string;
  nowSeconds(): number;
  sleep(milliseconds: number): Promise<void>;
}

/** What is going on, for progress bars. Sizes are of what has to be done now: files in the cache do not count. */
export type Progress =
  | { phase: "index"; name: string }
  | { phase: "download"; name: string; doneBytes: number; totalBytes: number; doneFiles: number; totalFiles: number }
  | { phase: "unpack"; name: string; doneFiles: number; totalFiles: number }
  | { phase: "warning"; name: string };

export type OnProgress = (progress: Progress) => void;
