/** Whom somebody else vouches for: a provider of identities, a key distribution centre. */
export interface Identity {
  readonly principal: string;
  readonly roles: readonly string[];
}
