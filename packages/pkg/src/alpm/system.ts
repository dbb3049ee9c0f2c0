/**
 * What ALPM needs beside {@link PackagePorts}: a root, somebody to run programs in it, and compression. `host-node` has
 * the real forms.
 */
import type { Compression, PackagePorts } from "../ports.ts";
import type { RootFiles } from "../root/root-files.ts";

export interface AlpmPorts extends PackagePorts {
  compress(compression: Compression, bytes: Uint8Array): Promise<Uint8Array>;
  /** a hash in hexadecimal: `sha256`, `sha512`, `b2` (BLAKE2b of 512 bits), `sha1`, `md5` … */
  digest(algorithm: string, bytes: Uint8Array): string;
}

/** Runs programs with the root as their `/`. */
export interface RootRunner {
  /**
   * @param command  program and arguments
   * @returns the exit status; 127 when the program is not there
   */
  run(command: readonly string[], options: { input?: Uint8Array; onOutput(text: string): void }): Promise<number>;
}

export interface AlpmSystem {
  readonly files: RootFiles;
  /** undefined: scriptlets and hooks are not run, and that is told */
  readonly runner: RootRunner | undefined;
  /**
   * Takes the lock that pacman takes too.
   *
   * @param path  relative to the root
   * @returns what releases it; a string says who holds it
   */
  lock(path: string): (() => void) | string;
}
