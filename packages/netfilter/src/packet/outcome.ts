/** What comes of one expression: the rule goes on, or doesn't match; the chain returns; the packet is done with. */
export const MATCHED = 0,
  NOT_MATCHED = 1,
  RETURNED = 2,
  ACCEPTED = 3,
  DROPPED = 4;
