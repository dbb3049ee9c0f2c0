/** Where a form stands in its source: 1-based line, 0-based column, offset and length in UTF-16 units. */
export interface Source {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly offset: number;
  readonly length: number;
}
