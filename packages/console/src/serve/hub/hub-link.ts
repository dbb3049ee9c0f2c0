/** The hub that the console stands before: where it is, and by which key the console speaks to it. */

export interface HubPlace {
  /** `http://127.0.0.1:7470`, without a slash at its end. */
  readonly url: string;
  /** One that may vouch for people (`identity:vouch`). */
  readonly key: string;
}

export interface HubLink {
  /** Null: it is not there at the moment. */
  readonly place: HubPlace | null;
  /** False: it is a process of this server's, and has ended. */
  readonly isAlive: boolean;
  close(): Promise<void>;
}

/** One that others run. */
export function remoteHub(place: HubPlace): HubLink {
  return { place, isAlive: true, close: () => Promise.resolve() };
}
