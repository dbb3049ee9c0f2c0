/** Builds of one source package, the newest first, and whether they came to the same bytes. */
export interface SourceBuild {
  readonly task: number;
  readonly state: string;
  /** As the task names it: NAME, NAME=VERSION, or a .dsc. */
  readonly source: string;
  readonly suite: string | null;
  readonly arch: string;
  readonly channel: string;
  readonly owner: string;
  /** Of its last run; null: it had none. */
  readonly host: string | null;
  readonly created: string;
  readonly finished: string | null;
  readonly failureClass: string | null;
  /** How many packages it left. */
  readonly packages: number;
  /**
   * Beside the first build that left packages of the same names (so of one version and architecture), and which of them
   * are others; null: there is none before it.
   */
  readonly beside: { readonly task: number; readonly differ: readonly string[] } | null;
}

export interface SourceHistory {
  readonly source: string;
  /** Of all that was built twice: `yes`, `no`; `unknown`: nothing was. */
  readonly reproducible: "yes" | "no" | "unknown";
  readonly items: readonly SourceBuild[];
}
