/**
 * Numbers of the locks that hubs of one database hold against each other. Each has its own: two things that have
 * nothing to do with each other would wait for each other else.
 */
export const ADVISORY_LOCKS = {
  /** Of the hub that leads, for as long as it does. */
  leader: 7_470_000,
  /** While a step of the migrations runs, so that hubs which begin together take turns. */
  migration: 7_470_001,
  /** While a claim counts what runs, where a brake limits that. */
  runningBrake: 7_470_002,
  seal: 7_470_003,
  rebuild: 7_470_004,
  offer: 7_470_006,
  setting: 7_470_007,
} as const;

/** The same for locks of one thing among many: the first half of their two numbers, which no others have. */
export const ADVISORY_CLASSES = {
  /** With a channel. */
  publish: 7_470_002,
  /** With the name of what is changed, of which there may be no row yet to lock. */
  change: 7_470_005,
} as const;
