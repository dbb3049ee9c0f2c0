/** Function indices of a translation's imports. */
export interface TranslationImports {
  readonly codeType: number;
  /** leave(pc, fuel, completed, reason) → −1 */
  readonly leave: number;
  /** dispatch(pc, depth) → next pc: goes on at the pc with whatever is there */
  readonly dispatch: number;
  readonly ecall: number;
  readonly helper: (name: string) => number;
  /** Globals that say where the code is this time, for units that are kept; null: addresses and slots are constants. */
  readonly place: PlaceGlobals | null;
}

interface PlaceGlobals {
  /** i32: where the region starts. */
  readonly base: number;
  /** i32: the slot of the module's first unit. */
  readonly slots: number;
}
