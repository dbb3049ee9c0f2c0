/** What a hub runs with, by group and name; no secrets. */
export interface HubSettings {
  readonly groups: Readonly<Record<string, Readonly<Record<string, string | number | boolean | null>>>>;
}
