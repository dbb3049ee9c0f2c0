import { utf8Of } from "@stratos/base";
import { StratosError, type Bytes, type FileAccess, type FileStatus, type FolderEntry } from "./api.ts";
import type { Answer, EngineClient } from "./engine-client.ts";
import type { FileRequest } from "./protocol.ts";

/** Something that the engine has open. */
export class RemoteHandle {
  readonly #what: string;
  readonly #engine: EngineClient;
  readonly #target: number;
  readonly #letGo: () => void;
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

/** Its files. */
export abstract class RemoteFiles implements FileAccess {
  readonly #handle: RemoteHandle;

  constructor(handle: RemoteHandle) {
    this.#handle = handle;
  }

  async #ask(request: Omit<FileRequest, "target">, bytes?: Uint8Array): Promise<Answer> {
    const { engine, target } = this.#handle.use();
    return engine.call("file", { target, ...request }, bytes === undefined ? {} : { bytes }).answer;
  }

  async readFile(path: string): Promise<Uint8Array> {
    // A copy of its own: the frame's memory holds more than the file.
    return (await this.#ask({ action: "read", path })).bytes.slice();
  }

  async readTextFile(path: string): Promise<string> {
    return new TextDecoder().decode((await this.#ask({ action: "read", path })).bytes);
  }

  async writeFile(path: string, content: Bytes, options: { readonly mode?: number } = {}): Promise<void> {
    await this.#ask({ action: "write", path, mode: options.mode }, bytesOf(content));
  }

  async readFolder(path: string): Promise<FolderEntry[]> {
    return (await this.#ask({ action: "list", path })).value as FolderEntry[];
  }

  async stat(path: string): Promise<FileStatus> {
    return (await this.#ask({ action: "status", path })).value as FileStatus;
  }

  async makeFolder(path: string, options: { readonly parents?: boolean; readonly mode?: number } = {}): Promise<void> {
    await this.#ask({ action: "make-folder", path, mode: options.mode, whole: options.parents });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#ask({ action: "rename", path: from, to });
  }

  async remove(path: string, options: { readonly recursive?: boolean } = {}): Promise<void> {
    await this.#ask({ action: "remove", path, whole: options.recursive });
  }
}

export function bytesOf(content: Bytes): Uint8Array {
  return typeof content === "string" ? utf8Of(content) : content;
}
