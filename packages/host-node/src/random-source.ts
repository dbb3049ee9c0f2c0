import { randomFillSync } from "node:crypto";
import type { RandomSource } from "@stratos/host";

/** The host's cryptographic random numbers. */
export class NodeRandomSource implements RandomSource {
  fill(bytes: Uint8Array): void {
    randomFillSync(bytes);
  }
}
