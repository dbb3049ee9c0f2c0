/** Options of `stratos pkg alpm`, as commander fills them in. */
export interface AlpmRootOptions {
  /** a folder of the host; else an image */
  readonly root?: string;
  readonly image?: string;
  readonly config?: string;
  readonly keyring?: readonly string[];
}

export interface AlpmListOptions extends AlpmRootOptions {
  readonly json?: true;
}

export interface AlpmChangeOptions extends AlpmRootOptions {
  readonly yes?: true;
  readonly plan?: true;
  readonly json?: true;
  readonly scriptlets?: boolean;
  readonly with?: "stratos" | "paru";
}

export interface AlpmInstallOptions extends AlpmChangeOptions {
  readonly file?: readonly string[];
  readonly fromAur?: readonly string[];
  readonly asDeps?: true;
  readonly needed?: true;
  readonly overwrite?: readonly string[];
  readonly update?: true;
}

export interface AlpmRemoveOptions extends AlpmChangeOptions {
  readonly cascade?: true;
  readonly recursive?: true;
  readonly purge?: true;
}

export interface AlpmUpgradeOptions extends AlpmChangeOptions {
  readonly fromAur?: true;
  readonly downgrade?: true;
  readonly overwrite?: readonly string[];
}

export interface AlpmInstalledOptions extends AlpmListOptions {
  readonly explicit?: true;
  readonly foreign?: true;
}

export interface AlpmRepositoryOptions {
  readonly json?: true;
}
