/** Why a state can't be saved, or a file of one not loaded. */
export class StateError extends Error {
  /** "unsavable": an object that has no name; "damaged": not what was written; "foreign": of another version or kind. */
  readonly kind: "unsavable" | "damaged" | "foreign";
  /** What could not be saved; null for a file. */
  readonly subject: object | null;
  /** Objects that led to it, the nearest first. */
  readonly holders: readonly object[];

  constructor(kind: StateError["kind"], message: string, subject: object | null = null, holders: readonly object[] = []) {
    super(message);
    this.name = "StateError";
    this.kind = kind;
    this.subject = subject;
    this.holders = holders;
  }
}
