import {
  StratosError,
  type Bytes,
  type FileAccess,
  type FileStatus,
  type FileUser,
  type FolderEntry,
  type SignalOption,
} from "./api.ts";
import {
  checkBytes,
  checkContent,
  checkOptions,
  checkText,
  FILE,
  NEW_FILE,
  NEW_FOLDER,
  TREE,
} from "./check-options.ts";
import type { Answer, EngineClient } from "./engine-client.ts";
import { encodedAtOnce, encodedPieces, joinLittleByLittle } from "./much-content.ts";
import type { FileRequest } from "./protocol.ts";

/** Something that the engine has open. */
export class RemoteHandle {
  readonly #what: string;
  readonly #engine: EngineClient;
  readonly #target: number;
  #letGo: () => void;
  #isClosed = false;

  /** @param letGo  the engine is not needed any more */
  constructor(what: string, engine: EngineClient, target: number, letGo: () => void) {
    this.#what = what;
    this.#engine = engine;
    this.#target = target;
    this.#letGo = letGo;
  }

  /** @throws StratosError of kind closed */
  use(): { engine: EngineClient; target: number } {
    if (this.#isClosed) throw new StratosError("closed", `the ${this.#what} was closed`, {});
    return { engine: this.#engine, target: this.#target };
  }

  /** Of what came from it: the engine is needed until this one and all of them are closed. */
  branches(targets: readonly number[]): RemoteHandle[] {
    const letGo = this.#letGo;
    let users = targets.length + 1;
    const leave = (): void => {
      if (--users === 0) letGo();
    };
    this.#letGo = leave;
    return targets.map((target) => new RemoteHandle(this.#what, this.#engine, target, leave));
  }

  /** Once; then nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await this.#engine.call("close", { target: this.#target }).answer;
    } finally {
      this.#letGo();
    }
  }
}

/** A process that is gone has let go of all, and so has a board that was closed before its sandboxes. */
export async function closeUnlessGone(handle: RemoteHandle): Promise<void> {
  try {
    await handle.close();
  } catch (error) {
    if (!(error instanceof StratosError && (error.kind === "engine" || error.kind === "closed"))) throw error;
  }
}

/** Its files. */
export class RemoteFiles implements FileAccess {
  readonly #handle: RemoteHandle;
  readonly #user: FileUser | undefined;

  /** @param user  absent: they are used as the engine's own */
  constructor(handle: RemoteHandle, user?: FileUser) {
    this.#handle = handle;
    this.#user = user;
  }

  async #ask(
    request: Omit<FileRequest, "target">,
    options: SignalOption,
    checks: Parameters<typeof checkOptions>[1] = FILE,
    bytes?: Uint8Array,
  ): Promise<Answer> {
    checkText(request.path, "path");
    if ("to" in request) checkText(request.to, "to");
    checkOptions(options, checks);
    const { signal } = options;
    const { engine, target } = this.#handle.use();
    const user = this.#user;
    return engine.call("file", { target, ...request, user }, { signal, ...(bytes === undefined ? {} : { bytes }) })
      .answer;
  }

  async read(path: string, options: SignalOption = {}): Promise<Uint8Array> {
    return ownBytes((await this.#ask({ action: "read", path }, options)).bytes);
  }

  async readText(path: string, options: SignalOption = {}): Promise<string> {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      (await this.#ask({ action: "read", path }, options)).bytes,
    );
  }

  async write(path: string, content: Bytes, options: SignalOption & { readonly mode?: number } = {}): Promise<void> {
    checkContent(content, "content");
    // What is short is on its way before this returns.
    const bytes = typeof content !== "string" ? content : (encodedAtOnce(content) ?? (await this.#encoded(content)));
    await this.#ask({ action: "write", path, mode: options?.mode }, options, NEW_FILE, bytes);
  }

  async #encoded(text: string): Promise<Uint8Array> {
    const { engine } = this.#handle.use();
    const pieces: Uint8Array[] = [];
    for (const piece of encodedPieces(text)) {
      pieces.push(piece);
      await engine.breathe();
    }
    return joinLittleByLittle(pieces, () => engine.breathe());
  }

  async list(path: string, options: SignalOption = {}): Promise<FolderEntry[]> {
    return (await this.#ask({ action: "list", path }, options)).value as FolderEntry[];
  }

  async stat(path: string, options: SignalOption = {}): Promise<FileStatus> {
    return (await this.#ask({ action: "status", path }, options)).value as FileStatus;
  }

  async mkdir(
    path: string,
    options: SignalOption & { readonly parents?: boolean; readonly mode?: number } = {},
  ): Promise<void> {
    const { mode, parents: whole } = options ?? {};
    await this.#ask({ action: "make-folder", path, mode, whole }, options, NEW_FOLDER);
  }

  async rename(from: string, to: string, options: SignalOption = {}): Promise<void> {
    await this.#ask({ action: "rename", path: from, to }, options);
  }

  async rm(path: string, options: SignalOption & { readonly recursive?: boolean } = {}): Promise<void> {
    await this.#ask({ action: "remove", path, whole: options?.recursive }, options, TREE);
  }

  async readlink(path: string, options: SignalOption = {}): Promise<string> {
    return (await this.#ask({ action: "read-link", path }, options)).value as string;
  }

  async symlink(target: string, path: string, options: SignalOption = {}): Promise<void> {
    checkText(target, "target");
    await this.#ask({ action: "make-link", path, to: target }, options);
  }

  async cp(from: string, to: string, options: SignalOption & { readonly recursive?: boolean } = {}): Promise<void> {
    await this.#ask({ action: "copy", path: from, to, whole: options?.recursive }, options, TREE);
  }

  async upload(folder: string, tar: Uint8Array, options: SignalOption = {}): Promise<void> {
    checkBytes(tar, "tar");
    await this.#ask({ action: "unpack", path: folder }, options, FILE, tar);
  }

  async download(folder: string, options: SignalOption = {}): Promise<Uint8Array> {
    return ownBytes((await this.#ask({ action: "pack", path: folder }, options)).bytes);
  }
}

/** Of a frame whose memory holds more they are a copy. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}
