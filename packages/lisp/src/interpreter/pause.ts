/** A program that was left in the midst, to be looked into, and to go on from there as if nothing had been. */

/**
 * Thrown by the machine through its own loop; unlike a continuation it marks no frame, so that nothing is copied.
 *
 * @param Place  what is next, what it sees, what waits for it (machine.ts)
 */
export class Paused<Place> extends Error {
  readonly place: Place;
  /** Brings the machine back to where it was. */
  readonly goOn: () => unknown;

  constructor(place: Place, goOn: () => unknown) {
    super("paused");
    this.place = place;
    this.goOn = goOn;
  }
}

/** Who is asked whether a program is to be left. */
export interface Watch {
  /** Before handlers are told of an object that was raised. */
  isRaiseWanted(payload: unknown): boolean;
  /** Each few thousand steps. */
  isTurnOver(): boolean;
}
