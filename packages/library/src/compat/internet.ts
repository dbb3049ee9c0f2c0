/** What programs written for a hosted sandbox expect of the network: the internet, and nothing of who runs them. */
import type { NetRule, SandboxOptions } from "@stratos/sdk/public";
import { PRIVATE_NETWORKS } from "@stratos/sdk/private-networks";

const RULES: readonly NetRule[] = [...PRIVATE_NETWORKS.map((deny) => ({ deny })), { allow: "*" }];

/**
 * @param wanted  undefined: what is usual
 * @param isNamed  named systems have no rules: they get the host's whole network, and only when that is said
 */
export function internet(wanted: boolean | undefined, isNamed: boolean): Pick<SandboxOptions, "net" | "network"> {
  if (isNamed) return { network: wanted === true ? "host" : "none" };
  return { net: { policy: wanted === false ? "deny" : RULES } };
}
