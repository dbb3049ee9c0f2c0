/** A run as its options ask for it. */
import { stratosHome } from "@stratos/host-node";
import { defaultImage } from "@stratos/images";
import type { Program, RunRequest } from "@stratos/images/run";
import type { GuestUser } from "@stratos/session";
import { AskedNames } from "./asked-names.ts";
import { DeniedConnections, type NetworkNews, openNetwork } from "./host-network.ts";
import { ensureImage, memoryOf } from "./machine-options.ts";
import type { RunOptions } from "./run-options.ts";
import type { RunSecrets } from "./run-secrets.ts";

/**
 * @param program  made when the user is known: a login shell is the user's
 * @param news  hears of what rules of the network deny, and of names that programs ask for
 * @throws UsageError and others
 */
export async function runRequest(
  program: (user: GuestUser) => Program,
  options: RunOptions,
  news: NetworkNews = { denied: new DeniedConnections(), names: new AskedNames() },
  secrets: RunSecrets | null = null,
): Promise<RunRequest> {
  const home = stratosHome();
  const image = options.image ?? defaultImage(home);
  const memoryBytes = memoryOf(options, home);
  await ensureImage(image);
  const network = await openNetwork(options, news, secrets?.ofNetwork ?? null);
  const env = [...(secrets?.environment ?? []), ...options.env];
  return { ...options, env, program, home, image, memoryBytes, network };
}
