/** What a hub runs with, by group and name; no secrets. */
export interface HubSettings {
  readonly groups: Readonly<Record<string, Readonly<Record<string, string | number | boolean | null>>>>;
  /** Those that a running hub takes others of; hubs before this had none. */
  readonly changeable?: readonly ChangeableSetting[];
}

export interface ChangeableSetting {
  /** Of the option of `stratos hub`, without its dashes. */
  readonly name: string;
  readonly kind: "count" | "seconds" | "choice";
  /** What a number counts, where it is not things; hubs before this did not say it. */
  readonly unit?: "s" | "ms" | "MiB";
  /** Of counts and seconds. */
  readonly minimum?: number;
  readonly maximum?: number;
  readonly choices?: readonly string[];
  readonly value: number | string;
  /** What it is again when what was set is taken back: of this hub's start. */
  readonly started: number | string;
  /** Null: nobody has set it. */
  readonly setBy: string | null;
  readonly setAt: string | null;
  /** Counts its changes; hubs before this had none. */
  readonly version?: number;
}
