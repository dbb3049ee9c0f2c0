import type { Changes } from "../ground/changes.ts";
import type { TextSink, TextSource } from "../pseudo/pseudo-inodes.ts";
import type { Controller } from "../task/control-group.ts";

export interface GroupFileKind {
  /** Whose it is; null: each group has it. */
  readonly controller: Controller | null;
  readonly source: TextSource;
  readonly sink?: TextSink;
  readonly mode?: number;
  readonly watched?: () => Changes;
}

/** Of a file that each group has. */
export const core = (source: TextSource, sink?: TextSink): GroupFileKind => ({
  controller: null,
  source,
  ...(sink === undefined ? {} : { sink }),
});
