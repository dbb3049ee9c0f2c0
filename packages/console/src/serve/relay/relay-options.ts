import type { RelayRules } from "./relay-rules.ts";

export interface RelayOptions extends RelayRules {
  /** Of pages from elsewhere, as browsers send them: scheme, host and port. */
  readonly origins: readonly string[];
}
