/**
 * What a relay lets the machines of tabs reach: the internet, or what is allowed by name; nothing of this host, its
 * neighbours or its cloud's own services, unless exactly that is allowed.
 */
import { ipOfText, isInPrefix, widthOf } from "@stratos/kernel";
import type { NetRule } from "@stratos/sdk/api";
import { PRIVATE_NETWORKS } from "@stratos/sdk/private-networks";

export interface RelayRules {
  /** None: the internet. */
  readonly allow: readonly NetRule[];
  readonly deny: readonly NetRule[];
}

/** Public addresses at which clouds serve each host's own secrets; the others (169.254.169.254 …) are private ones. */
const METADATA = ["168.63.129.16/32"];

/**
 * In order: what is denied; private networks, or parts of them, that are allowed; no other private network; the rest.
 * So neither `*` nor 0.0.0.0/0 lets anybody into a network that is not named by itself.
 *
 * @param own  addresses of this host: to itself they are its loopback
 */
export function relayPolicy({ allow, deny }: RelayRules, own: readonly string[]): NetRule[] {
  const guarded = [...PRIVATE_NETWORKS, ...METADATA, ...own].map(prefixOf).filter((prefix) => prefix !== null);
  const isException = ({ allow: target = "" }: NetRule): boolean => {
    const prefix = prefixOf(target);
    return prefix !== null && guarded.some((one) => isWithin(prefix, one));
  };
  return [
    ...deny,
    ...allow.filter(isException),
    ...[...PRIVATE_NETWORKS, ...METADATA, ...own].map((target) => ({ deny: target })),
    ...(allow.length === 0 ? [{ allow: "*" }] : allow.filter((rule) => !isException(rule))),
  ];
}

interface Prefix {
  readonly ip: NonNullable<ReturnType<typeof ipOfText>>;
  readonly length: number;
}

function prefixOf(text: string): Prefix | null {
  const [address = "", length] = text.split("/");
  const ip = ipOfText(address);
  return ip === null ? null : { ip, length: length === undefined ? widthOf(ip) : Number(length) };
}

function isWithin(inner: Prefix, outer: Prefix): boolean {
  return (
    widthOf(inner.ip) === widthOf(outer.ip) &&
    inner.length >= outer.length &&
    isInPrefix(inner.ip, outer.ip, outer.length)
  );
}
