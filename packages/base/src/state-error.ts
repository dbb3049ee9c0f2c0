/** Why a state can't be saved, or a file of one not loaded. */
export class StateError extends Error {
  /** "unsavable": an object that has no name; "damaged": not what was written; "foreign": another version's. */
  readonly kind: "unsavable" | "damaged" | "foreign";
  // Private, so that a log of the error does not print a machine.
  readonly #holders: readonly object[];

  constructor(kind: StateError["kind"], message: string, holders: readonly object[] = []) {
    super(message);
    this.name = "StateError";
    this.kind = kind;
    this.#holders = holders;
  }

  /** Objects that led to what could not be saved, the nearest first. */
  get holders(): readonly object[] {
    return this.#holders;
  }
}
