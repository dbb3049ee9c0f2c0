/** A run as its options ask for it. */
import { stratosHome } from "@stratos/host-node";
import { defaultImage } from "@stratos/images";
import type { Program, RunRequest } from "@stratos/images/run";
import type { GuestUser } from "@stratos/session";
import { openNetwork } from "./host-network.ts";
import { ensureImage, memoryOf } from "./machine-options.ts";
import type { RunOptions } from "./run-options.ts";

/** @param program  made when the user is known: a login shell is the user's @throws UsageError and others */
export async function runRequest(program: (user: GuestUser) => Program, options: RunOptions): Promise<RunRequest> {
  const home = stratosHome();
  const image = options.image ?? defaultImage(home);
  const memoryBytes = memoryOf(options, home);
  await ensureImage(image);
  return { ...options, program, home, image, memoryBytes, network: openNetwork(options.net, options.publish) };
}
