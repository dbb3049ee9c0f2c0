/**
 * How statements are planned, the same on each connection. The hub's go by keys, so what a plan costs doesn't depend on
 * parameters, and making one costs more than to execute it (PGlite: ten times as much).
 *
 * @see https://www.postgresql.org/docs/current/runtime-config-query.html
 */
export const PLANNING: Readonly<Record<string, string>> = {
  plan_cache_mode: "force_generic_plan",
  // What was planned while a queue was empty is kept when it has filled: an index is never wrong.
  enable_seqscan: "off",
  // A cost that is a guess compiles a claim for half a second, which then runs for 0.2 ms.
  jit: "off",
  // An index is read from memory, or from a disk without heads.
  random_page_cost: "1.1",
};
