/**
 * A step between two versions of the tables. `down` undoes `up`; what only the newer version can hold is lost by it.
 */
export interface Migration {
  readonly version: number;
  readonly title: string;
  readonly up: string;
  readonly down: string;
}
