declare const kind: unique symbol;

/**
 * A number of one kind: an address, an index, a frame. It costs nothing at run time. A plain number passes for any of
 * them, and what is computed from one is a plain number again; but one kind does not pass for another, so arguments
 * that change places do not compile.
 */
export type Quantity<Kind extends string> = number & { readonly [kind]?: Kind };
