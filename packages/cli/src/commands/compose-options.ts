/** Options of `stratos compose`, as commander fills them in. */
export interface ComposeJsonOptions { readonly json?: true }

export interface ComposeSelection {
  readonly variant?: readonly string[];
  readonly arch?: readonly string[];
}

export interface ComposeExportOptions extends ComposeSelection {
  readonly all?: true;
  readonly format: "yaml" | "json";
  readonly output?: string;
}
