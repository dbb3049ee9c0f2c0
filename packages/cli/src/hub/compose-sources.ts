/** The hub that a compose takes packages from, as its options say. */
import { printable } from "@stratos/base";
import { OperationError } from "@stratos/operation";
import { withHubPackages } from "@stratos/systems/hub";
import { CommandError } from "../command-error.ts";
import { listenForStop } from "../stop-signals.ts";
import { openHub, type HubOptions } from "./hub-client.ts";

export interface ComposeHubOptions extends HubOptions {
  readonly channel?: string;
}

type HubUse = Omit<Parameters<typeof withHubPackages>[2], "isAsked" | "openHub" | "signal" | "tell">;

/** @throws TreefileError at the source that cannot be had; CommandError when a signal has ended it, OperationError */
export async function withHubOfOptions(
  file: string,
  composed: Parameters<typeof withHubPackages>[1],
  options: ComposeHubOptions & HubUse,
): ReturnType<typeof withHubPackages> {
  const stop = listenForStop();
  try {
    return await withHubPackages(file, composed, {
      ...options,
      isAsked: options.hub !== undefined || options.channel !== undefined,
      openHub: () => openHub(options),
      signal: stop.signal,
      tell: (message) => void process.stderr.write(`hub: ${printable(message)}\n`),
    });
  } catch (error) {
    if (stop.status === undefined || !(error instanceof OperationError)) throw error;
    throw new CommandError(error.what, error.why, { status: stop.status, cause: error });
  } finally {
    stop.close();
  }
}
