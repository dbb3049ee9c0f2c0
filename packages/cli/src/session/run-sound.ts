/** `run --sound`: what programs play goes into a WAV file, as the machine's clock goes on. */
import { closeSync, existsSync, ftruncateSync, openSync, rmSync, writeSync } from "node:fs";
import { checkOutputFile } from "@stratos/console/display";
import { GuestSound } from "@stratos/display";
import { failedAt, isChannel } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import type { RunSurroundings } from "@stratos/images/run";
import { encodeS16, RATE, WAV_DATA_MAX, wavHeader } from "@stratos/sound";
import { UsageError } from "../command-error.ts";
import type { RunOptions } from "./run-options.ts";

/** Before the machine is made. @throws UsageError, OperationError, NodeJS.ErrnoException */
export function soundOf({ sound: file, record }: RunOptions): NonNullable<RunSurroundings["sound"]> {
  if (record !== undefined)
    throw new UsageError("--record", "what programs hear of their sound is not in a recording; leave --sound away");
  checkOutputFile(file!);
  return (session, user) => {
    const written = new WavFile(file!);
    const sound = new GuestSound(session, user, { sink: written });
    const close = (): void => {
      sound.close();
      written.close();
    };
    return { environment: sound.environment, close };
  };
}

/**
 * A file that cannot be written any more ends, and the program goes on: who started it is told. A pipe, or a device, is
 * told of a length that does not end, as its beginning cannot be written again.
 */
class WavFile {
  readonly latencyMs = 0;
  readonly #file: string;
  readonly #descriptor: number;
  readonly #headerBytes: number;
  readonly #isChannel: boolean;
  #dataBytes = 0;
  #isOver = false;

  /** @throws NodeJS.ErrnoException */
  constructor(file: string) {
    this.#file = file;
    this.#isChannel = isChannel(file);
    const header = wavHeader(RATE, this.#isChannel ? WAV_DATA_MAX : 0);
    this.#headerBytes = header.length;
    const isThere = existsSync(file);
    try {
      this.#descriptor = openSync(file, "w");
      writeSync(this.#descriptor, header);
    } catch (error) {
      if (!isThere) rmSync(file, { force: true });
      throw failedAt(file, error);
    }
  }

  play(frames: Float32Array): void {
    if (this.#isOver) return;
    const bytes = encodeS16(frames);
    if (this.#dataBytes + bytes.length > WAV_DATA_MAX) return this.#end("a WAV file has no room for more");
    try {
      for (let at = 0; at < bytes.length;) {
        const place = this.#isChannel ? null : this.#headerBytes + this.#dataBytes + at;
        at += writeSync(this.#descriptor, bytes, at, bytes.length - at, place);
      }
      this.#dataBytes += bytes.length;
    } catch (error) {
      this.#end(hostReason(error));
    }
  }

  #end(why: string): void {
    this.#isOver = true;
    process.stderr.write(`stratos: ${this.#file}: the sound ends here: ${why}\n`);
  }

  close(): void {
    try {
      if (this.#isChannel) return;
      // What came of a frame that could not be written whole.
      ftruncateSync(this.#descriptor, this.#headerBytes + this.#dataBytes);
      writeSync(this.#descriptor, wavHeader(RATE, this.#dataBytes), 0, this.#headerBytes, 0);
    } catch (error) {
      process.stderr.write(`stratos: ${this.#file}: ${hostReason(error)}\n`);
    } finally {
      closeSync(this.#descriptor);
    }
  }
}
