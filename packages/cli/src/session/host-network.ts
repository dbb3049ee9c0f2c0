import type { SocketProvider } from "@stratos/host";
import { NodeSocketProvider, type PublishedPort } from "@stratos/host-node";
import { UsageError } from "../command-error.ts";
import type { NetworkMode } from "./run-options.ts";

/**
 * What carries the guest's sockets beyond the machine; null: nothing.
 *
 * @throws UsageError  ports are to be published without a network
 */
export function openNetwork(mode: NetworkMode, published: readonly PublishedPort[]): SocketProvider | null {
  if (mode === "host") return new NodeSocketProvider({ published });
  if (published.length > 0) throw new UsageError("--publish", "needs a network: add --net host");
  return null;
}
