/** The ports of `pkg` on Node, for one task: `close` when it is done. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { PackagePorts, ProxyOf } from "@stratos/pkg";
import { readAptProxies } from "./apt-sources.ts";
import { FolderStore } from "./folder-store.ts";
import { HttpFetcher } from "./http-fetcher.ts";
import { UnpackPool } from "./unpack-pool.ts";
import { unpackStream } from "./unpack-stream.ts";

export interface NodePackagePorts extends PackagePorts {
  close(): Promise<void>;
}

/**
 * @param folder  where downloads are kept, usually `downloads` of STRATOS_HOME
 * @param proxyOf  default: as the host's apt is set up
 */
export function nodePackagePorts(folder: string, proxyOf: ProxyOf = readAptProxies()): NodePackagePorts {
  const fetcher = new HttpFetcher(process.env, undefined, proxyOf);
  const pool = new UnpackPool();
  return {
    fetcher,
    store: new FolderStore(folder),
    decompress: pool.decompress,
    unpack: unpackStream,
    hasher(algorithm) {
      const hash = createHash(algorithm);
      return {
        update: (bytes) => {
          hash.update(bytes);
        },
        hex: () => hash.digest("hex"),
      };
    },
    latin1: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"),
    nowSeconds: () => Date.now() / 1000,
    sleep: async (milliseconds) => {
      await sleep(milliseconds);
    },
    async close() {
      fetcher.close();
      await pool.close();
    },
  };
}
