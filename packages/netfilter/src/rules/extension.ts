/** Matches and targets of iptables (nft_compat): `match` and `target` expressions with the structures of x_tables. */
import type { Expression } from "./ruleset.ts";
import { ENOENT, NFTA_MATCH_INFO, NFTA_MATCH_NAME, NFTA_MATCH_REV, NFTA_TARGET_INFO, NFTA_TARGET_NAME, NFTA_TARGET_REV } from "@stratos/abi";
import type { ExpressionKind } from "./expression-kind.ts";

const NAMED = { isNeeded: true, fallback: null, hidesZero: false } as const;
const common = { stateSize: 2, check: () => 0, sizes: () => ({}), places: () => null, isStateful: false };

export const EXTENSION_KINDS: ReadonlyMap<string, ExpressionKind> = new Map<string, ExpressionKind>([
  [
    "match",
    {
      rows: [
        { attribute: NFTA_MATCH_NAME, form: "text", ...NAMED },
        { attribute: NFTA_MATCH_REV, form: "u32", ...NAMED },
        { attribute: NFTA_MATCH_INFO, form: "bytes", ...NAMED },
      ],
      ...common,
    },
  ],
  [
    "target",
    {
      rows: [
        { attribute: NFTA_TARGET_NAME, form: "text", ...NAMED },
        { attribute: NFTA_TARGET_REV, form: "u32", ...NAMED },
        { attribute: NFTA_TARGET_INFO, form: "bytes", ...NAMED },
      ],
      ...common,
    },
  ],
]);

export function checkExtension(_family: number, _it: Expression): number {
  return ENOENT;
}

export function extensionPlaces(_it: Expression): { readonly type: string | null; readonly hooks: number } | null {
  return null;
}

/** Does it need connections to be known? */
export function extensionTracks(_it: Expression): boolean {
  return false;
}
