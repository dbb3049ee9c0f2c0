/** Options of `stratos image`, as commander fills them in. */
export interface ListOptions {
  readonly json?: true;
  readonly names?: true;
}

export interface ImageBuildOptions {
  readonly packages: readonly string[];
  readonly suite: string;
  readonly mirror?: string;
  readonly recommends?: true;
  readonly plan?: true;
  readonly lock?: string;
  readonly force?: true;
  readonly json?: true;
  /** false: nothing is translated ahead */
  readonly warmCode: boolean;
  /** Lines, each of which may come to wait, and is translated. */
  readonly warm: readonly string[];
  /** Words of one that has to wait. */
  readonly warmStart?: readonly string[];
}

export interface ImageImportOptions {
  readonly warmCode: boolean;
}

export interface RemoveOptions {
  readonly force?: true;
}

export interface ImageExportOptions {
  readonly output?: string;
}
