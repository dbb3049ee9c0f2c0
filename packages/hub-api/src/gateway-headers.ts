/**
 * How a console that stands before a hub says, with each request that it passes on, who asks and from where. The hub
 * believes whoever shows a key that may vouch (`identity:vouch:ROLE`), and nobody else.
 */
export const GATEWAY_HEADERS = {
  /** Its key. */
  key: "stratos-gateway-key",
  /** Whose request it is: an address. */
  client: "stratos-gateway-client",
  /** Who has signed in there, by name; absent: the request has a key of the hub's own, or none. */
  person: "stratos-gateway-person",
  /** What that person is at the hub: the name of a role. */
  role: "stratos-gateway-role",
} as const;
