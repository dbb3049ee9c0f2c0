/** The ports that no page can fill, refused by name: who asks for one learns why, rather than get one that pretends. */
export const REFUSED_PORTS = {
  sockets: "a page cannot open sockets of its computer; programs reach each other within the machine",
  folders: "a page sees no folders of its computer; files come in with the image",
} as const;

export type RefusedPort = keyof typeof REFUSED_PORTS;

/** Its message says what a page cannot give, for people. */
export class RefusedPortError extends Error {
  readonly port: RefusedPort;

  constructor(port: RefusedPort) {
    super(REFUSED_PORTS[port]);
    this.port = port;
  }
}
