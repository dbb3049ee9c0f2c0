/**
 * Which expressions there are, what messages say of each (its attributes, in the order in which dumps have them), and
 * what must hold. Source: Linux include/uapi/linux/netfilter/nf_tables.h.
 */
import type { ExpressionKind } from "./expression-kind.ts";
import { MATCH_KINDS } from "./match-kinds.ts";
import { STATEMENT_KINDS } from "./statement-kinds.ts";

export const EXPRESSION_KINDS: ReadonlyMap<string, ExpressionKind> = new Map([...MATCH_KINDS, ...STATEMENT_KINDS]);
