/**
 * The standard input of a command that runs in another process, which gets it through a socket in a folder that is its
 * caller's alone. Nothing is read before that process asks.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { callContext } from "./call-context.ts";

/** sockaddr_un(7) has room for 107 bytes. */
const FOLDER_MAX = 70;

export class InputSocket {
  readonly #input: Readable;
  #server: Server | null = null;
  #folder = "";

  constructor(input: Readable) {
    this.#input = input;
  }

  /** @returns its path */
  async listen(): Promise<string> {
    this.#folder = mkdtempSync(join(Buffer.byteLength(tmpdir()) > FOLDER_MAX ? "/tmp" : tmpdir(), "stratos-input-"));
    const path = join(this.#folder, "socket");
    this.#server = createServer((socket) => {
      socket.on("error", () => {});
      // A stream that breaks ends without its end, and is refused or goes on later.
      this.#input.on("error", () => socket.destroy()).pipe(socket);
    });
    await new Promise<void>((done, fail) => this.#server!.once("error", fail).listen(path, done));
    return path;
  }

  close(): void {
    this.#server?.close();
    this.#input.destroy();
    if (this.#folder !== "") rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What the running command reads: its caller's, when another process has sent it here. @param own  else */
export function commandInput(own: Readable): Readable {
  const { caller } = callContext;
  if (caller === null) return own;
  return caller.input === null ? Readable.from([]) : connect(caller.input);
}
