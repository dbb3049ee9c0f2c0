/** What programs written for a hosted sandbox expect of the network: the internet, and nothing of who runs them. */
import type { NetPolicy, NetRule, SandboxOptions } from "@stratos/sdk/public";
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

/** What a program may reach, as Vercel's library says it. Names stand for themselves, `*.NAME` for all below. */
interface CustomPolicy {
  readonly allow?: readonly string[] | Readonly<Record<string, readonly unknown[]>>;
  readonly subnets?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
}
export type VercelPolicy = "allow-all" | "deny-all" | CustomPolicy;

/** @returns null: it is none, or has what cannot be done here */
export function policyOf(given: VercelPolicy): NetPolicy | null {
  if (given === "allow-all") return RULES;
  if (given === "deny-all") return "deny";
  if (typeof given !== "object" || given === null) return null;
  const { allow = [], subnets = {}, ...unknown } = given;
  // What is to be done to requests needs somebody between, which takes TLS apart.
  const isPlain = Array.isArray(allow) || Object.values(allow).every((each) => each.length === 0);
  if (!isPlain || Object.keys(unknown).length > 0) return null;
  const names = Array.isArray(allow) ? (allow as readonly string[]) : Object.keys(allow);
  return [
    ...(subnets.deny ?? []).map((deny) => ({ deny })),
    ...(subnets.allow ?? []).map((allowed) => ({ allow: allowed })),
    ...PRIVATE_NETWORKS.map((deny) => ({ deny })),
    ...names.map((allowed) => ({ allow: allowed })),
  ];
}
